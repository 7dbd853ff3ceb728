using System.Diagnostics.CodeAnalysis;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>A lease's attributes as annotations, in upstream's forms to the byte, and back. Pure.</summary>
internal static class LeaseAnnotations
{
    /// <summary>Of <see cref="NodeAnnotations.KubeSubnetManager"/>: the Node has a lease.</summary>
    internal const string True = "true";

    /// <summary>What upstream writes where a backend has no data.</summary>
    private const string NoData = "null";

    // The two backends whose forms differ from the others'.
    private const string Vxlan = "vxlan";
    private const string Extension = "extension";

    /// <summary>What this node has to have; null: not ours to say.</summary>
    /// <param name="present">Has the addresses that users want published instead.</param>
    internal static NodeAnnotations Compose(LeaseAttributes attributes, NodeAnnotations present)
    {
        // vxlan alone leaves out IPv4 where it is off; others say null and 0.0.0.0.
        bool hasIPv4 = attributes.BackendType != Vxlan || attributes.BackendData is not null;
        bool hasIPv6 = !attributes.PublicIPv6.IsNone;
        IpAddr publicIP = attributes.PublicIP.IsNone ? IpAddr.Any4 : attributes.PublicIP;
        return new NodeAnnotations
        {
            KubeSubnetManager = True,
            BackendType = attributes.BackendType,
            BackendData = hasIPv4
                ? attributes.BackendData ?? (attributes.BackendType == Extension ? "" : NoData)
                : null,
            BackendV6Data = hasIPv6 ? attributes.BackendV6Data ?? NoData : null,
            PublicIP = hasIPv4 ? Overwritten(present.PublicIPOverwrite, publicIP, is6: false) : null,
            PublicIPv6 = hasIPv6 ? Overwritten(present.PublicIPv6Overwrite, attributes.PublicIPv6, is6: true) : null,
        };
    }

    /// <summary>
    /// Reads what a node published; whoever may patch Nodes can have written it. A family that is off is not looked at.
    /// </summary>
    /// <param name="reason">What is wrong with it.</param>
    internal static bool TryRead(
        NodeAnnotations annotations,
        NetworkConfig network,
        AnnotationNames names,
        [NotNullWhen(true)] out LeaseAttributes? attributes,
        [NotNullWhen(false)] out string? reason)
    {
        attributes = null;
        string? text = network.EnableIPv4 ? annotations.PublicIP : null;
        string? textV6 = network.EnableIPv6 ? annotations.PublicIPv6 : null;
        if (!TryReadAddress(text, names.PublicIP, is6: false, out IpAddr publicIP, out reason)
            || !TryReadAddress(textV6, names.PublicIPv6, is6: true, out IpAddr publicIPv6, out reason))
        {
            return false;
        }

        if (publicIP.IsNone && publicIPv6.IsNone)
        {
            reason = network is { EnableIPv4: true, EnableIPv6: true }
                ? $"it has neither {names.PublicIP} nor {names.PublicIPv6}"
                : $"it has no {(network.EnableIPv4 ? names.PublicIP : names.PublicIPv6)}";
            return false;
        }

        attributes = new LeaseAttributes(
            publicIP,
            publicIPv6,
            annotations.BackendType ?? "",
            network.EnableIPv4 ? Data(annotations.BackendData) : null,
            network.EnableIPv6 ? Data(annotations.BackendV6Data) : null);
        return true;
    }

    /// <summary>What an agent of this node published before, as far as it can be read; null: nothing.</summary>
    internal static LeaseAttributes? ReadOwn(NodeAnnotations annotations) =>
        annotations.BackendData is null && annotations.BackendV6Data is null
            ? null
            : new LeaseAttributes(
                ReadUsersAddress(annotations.PublicIP, is6: false),
                ReadUsersAddress(annotations.PublicIPv6, is6: true),
                annotations.BackendType ?? "",
                Data(annotations.BackendData),
                Data(annotations.BackendV6Data));

    /// <summary>An address that a user gave by annotation; none: absent, empty, or no address of that family.</summary>
    internal static IpAddr ReadUsersAddress(string? text, bool is6) =>
        IpAddr.TryParse(text, out IpAddr address) && address.Is6 == is6 ? address : default;

    private static string Overwritten(string? overwrite, IpAddr own, bool is6) =>
        overwrite is null || ReadUsersAddress(overwrite, is6).IsNone ? own.ToString() : overwrite;

    // 0.0.0.0 is what an IPv6-only node publishes.
    private static bool TryReadAddress(
        string? text, string name, bool is6, out IpAddr address, [NotNullWhen(false)] out string? reason)
    {
        address = default;
        reason = null;
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }

        if (!IpAddr.TryParse(text, out address) || address.Is6 != is6)
        {
            reason = $"{name} \"{LogText.Of(text)}\" is no {(is6 ? "IPv6" : "IPv4")} address";
            return false;
        }

        address = address.IsUnspecified ? default : address;
        return true;
    }

    private static string? Data(string? text) => string.IsNullOrEmpty(text) || text == NoData ? null : text;
}

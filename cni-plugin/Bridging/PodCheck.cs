// What ADD promised is in prevResult, which the plugins after this one in the chain may have added to: their
// interfaces, and addresses on them, are theirs to check.

using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Is an attachment still what its ADD made of it? Reads only.</summary>
/// <param name="host">Opened on the host.</param>
/// <param name="pod">Opened in the pod.</param>
internal sealed class PodCheck(BridgeConf conf, Attachment attachment, RtnlSocket host, RtnlSocket pod)
{
    /// <returns>The pod's, for those who look at its rules.</returns>
    /// <exception cref="CniException">Internal: the first thing that is not as it was.</exception>
    internal CheckedPod Run(CniResult previous)
    {
        Link bridge = CheckBridge(previous);
        Link inside = CheckInside(previous);
        Link port = CheckPort(previous, bridge, inside);
        new VlanCheck(conf, host).RunOnGateway(bridge);
        List<IpPrefix> addresses = [];
        foreach (CniIp ip in previous.Ips)
        {
            if (IsOurs(ip, previous))
            {
                CheckAddress(ip, inside);
                addresses.Add(ip.Address);
            }
        }

        foreach (CniRoute route in previous.Routes)
        {
            CheckRoute(route);
        }

        return new CheckedPod(new VethPair(port.Name, inside.Mac), addresses);
    }

    private Link CheckBridge(CniResult previous)
    {
        CniInterface expected = Find(previous, conf.Bridge, sandbox: "")
            ?? throw Wrong($"prevResult has no bridge {conf.Bridge}");
        Link bridge = host.FindLink(conf.Bridge) ?? throw Wrong($"bridge {conf.Bridge} is gone");
        Require(bridge.IsBridge, $"{conf.Bridge} is no bridge");
        Require(bridge.IsUp, $"bridge {conf.Bridge} is down");
        RequireMac(expected, bridge);
        Require(
            !conf.PromiscMode || (bridge.Flags & LinkFlags.IFF_PROMISC) != 0,
            $"bridge {conf.Bridge} is not promiscuous");
        return bridge;
    }

    private Link CheckInside(CniResult previous)
    {
        CniInterface expected = Find(previous, attachment.IfName, attachment.Sandbox)
            ?? throw Wrong($"prevResult has no interface {attachment.IfName} in {attachment.Sandbox}");
        Link inside = pod.FindLink(attachment.IfName) ?? throw Wrong($"the pod's {attachment.IfName} is gone");
        Require(inside.Kind == "veth", $"the pod's {attachment.IfName} is no veth");
        Require(inside.IsUp || conf.DisableContainerInterface, $"the pod's {attachment.IfName} is down");
        RequireMac(expected, inside);
        return inside;
    }

    private Link CheckPort(CniResult previous, Link bridge, Link inside)
    {
        Link? port = host.FindLink(inside.ParentIndex);
        if (port is not { Kind: "veth" } || port.ParentIndex != inside.Index)
        {
            throw Wrong($"the pod's {attachment.IfName} has no other end on this host");
        }

        CniInterface expected = Find(previous, port.Name, sandbox: "")
            ?? throw Wrong($"prevResult has no interface {port.Name}, where the pod's {attachment.IfName} leads to");
        RequireMac(expected, port);
        Require(port.MasterIndex == bridge.Index, $"{port.Name} is no port of bridge {conf.Bridge}");
        Require(port.IsUp, $"{port.Name} is down");
        Require(!conf.HairpinMode || port.Port is { Hairpin: true }, $"{port.Name} is not in hairpin mode");
        Require(!conf.PortIsolation || port.Port is { Isolated: true }, $"{port.Name} is not isolated");
        new VlanCheck(conf, host).RunOnPort(port);
        return port;
    }

    private void CheckAddress(CniIp ip, Link inside)
    {
        Require(
            Has(pod, ip.Address, inside.Index), $"the pod's {attachment.IfName} has no address {ip.Address}");

        // A whole address is in no network that a route would lead to.
        Require(
            ip.Address.Length == ip.Address.Address.BitLength || HasRoute(new CniRoute(ip.Address.Masked, default)),
            $"the pod has no route to {ip.Address.Masked}");
        Require(
            !conf.IsGateway || ip.Gateway.IsNone || Has(host, new IpPrefix(ip.Gateway, ip.Address.Length), index: 0),
            $"the host has lost the gateway's address {ip.Gateway}/{ip.Address.Length.ToString(provider: null)}");
    }

    private void CheckRoute(CniRoute route) => Require(
        HasRoute(route),
        $"the pod has no route to {route.Destination}" + (route.Gateway.IsNone ? "" : $" via {route.Gateway}"));

    /// <summary>Of default routes any is as good: later plugins may have their own.</summary>
    private bool HasRoute(CniRoute wanted)
    {
        RouteFilter filter = new(wanted.Destination.Is6)
        {
            Table = (uint?)wanted.Table ?? RouteTable.RT_TABLE_MAIN,
        };
        foreach (Route route in pod.ListRoutes(filter))
        {
            if (route.Destination == wanted.Destination.Masked
                && (wanted.Gateway.IsNone || wanted.Destination.Length == 0 || route.IsMultipath
                    || route.Gateway == wanted.Gateway))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Has(RtnlSocket socket, IpPrefix prefix, int index)
    {
        foreach (LinkAddress address in socket.ListAddresses(prefix.Is6, index))
        {
            if (address.Prefix == prefix)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Is it on the pod's interface, as far as the result says?</summary>
    private bool IsOurs(CniIp ip, CniResult previous)
    {
        if (ip.Interface is not int index)
        {
            return true;
        }

        return index >= 0 && index < previous.Interfaces.Count
            ? previous.Interfaces[index].Name == attachment.IfName
                && previous.Interfaces[index].Sandbox == attachment.Sandbox
            : throw Wrong($"prevResult's address {ip.Address} is on an interface that it does not have");
    }

    private static CniInterface? Find(CniResult previous, string name, string sandbox)
    {
        foreach (CniInterface candidate in previous.Interfaces)
        {
            if (candidate.Name == name && candidate.Sandbox == sandbox)
            {
                return candidate;
            }
        }

        return null;
    }

    private static void RequireMac(CniInterface expected, Link link) => Require(
        expected.Mac.Length == 0
            || string.Equals(expected.Mac, link.Mac.ToString(), StringComparison.OrdinalIgnoreCase),
        $"{link.Name} has the address {link.Mac}, not {expected.Mac}");

    internal static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw Wrong(otherwise);
        }
    }

    internal static CniException Wrong(string what) => new(CniErrorCode.Internal, $"check: {what}");
}

/// <summary>What rules are about.</summary>
/// <param name="Addresses">The pod's, each with the prefix of its subnet.</param>
internal readonly record struct CheckedPod(VethPair Pair, IReadOnlyList<IpPrefix> Addresses);

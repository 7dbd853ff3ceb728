using System.Diagnostics.CodeAnalysis;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>Makes leases of Nodes. Pure.</summary>
internal static class NodeLease
{
    private const int MaxPodCidrs = 2;

    /// <summary>The lease that a Node of others has.</summary>
    /// <param name="reason">Why it is none although it is said to be; null: nobody says so.</param>
    internal static bool TryRead(
        NodeRecord node,
        NetworkConfig network,
        AnnotationNames names,
        [NotNullWhen(true)] out Lease? lease,
        out string? reason)
    {
        (lease, reason) = (null, null);
        if (node.Annotations.KubeSubnetManager != LeaseAnnotations.True)
        {
            return false;
        }

        if (!TryReadSubnets(node, out SubnetPair subnets, out reason)
            || !LeaseAnnotations.TryRead(node.Annotations, network, names, out LeaseAttributes? attributes, out reason))
        {
            return false;
        }

        lease = Compose(node, Enabled(subnets, network), attributes);
        reason = lease.Subnet.IsNone && lease.IPv6Subnet.IsNone ? "it has no pod CIDR" : null;
        return reason is null;
    }

    internal static Lease Compose(NodeRecord node, SubnetPair subnets, LeaseAttributes attributes) => new(
        node.Name, subnets.Subnet, subnets.IPv6Subnet, attributes, new Seniority(node.CreatedAt, node.Name));

    /// <summary>A Node's pod CIDRs, host bits cleared; of several of a family the last counts.</summary>
    /// <param name="reason">Which is none, or that there are too many.</param>
    internal static bool TryReadSubnets(
        NodeRecord node, out SubnetPair subnets, [NotNullWhen(false)] out string? reason)
    {
        subnets = default;
        reason = node.PodCidrs.Length > MaxPodCidrs
            ? $"it has {node.PodCidrs.Length} pod CIDRs, and {MaxPodCidrs} are possible"
            : null;
        foreach (string cidr in reason is null ? node.PodCidrs : [])
        {
            if (!IpPrefix.TryParse(cidr, out IpPrefix prefix))
            {
                reason = $"its pod CIDR \"{LogText.Of(cidr)}\" is none";
                return false;
            }

            subnets = prefix.Is6
                ? subnets with { IPv6Subnet = prefix.Masked }
                : subnets with { Subnet = prefix.Masked };
        }

        return reason is null;
    }

    /// <summary>Without the families that are off.</summary>
    internal static SubnetPair Enabled(SubnetPair subnets, NetworkConfig network) => new(
        network.EnableIPv4 ? subnets.Subnet : default, network.EnableIPv6 ? subnets.IPv6Subnet : default);
}

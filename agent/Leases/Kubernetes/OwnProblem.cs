using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>What is wrong with this node's Node, that somebody must mend.</summary>
/// <param name="Reason">Of the Kubernetes Event: one word in Pascal case.</param>
/// <param name="Message">What is wrong, and what to do.</param>
internal sealed record OwnProblem(string Reason, string Message)
{
    /// <summary>This node's subnets, as the cluster gave them; or what is wrong with them. Pure.</summary>
    /// <returns>Null: nothing, the subnets are good.</returns>
    internal static OwnProblem? Find(NodeRecord node, NetworkConfig network, out SubnetPair subnets)
    {
        if (!NodeLease.TryReadSubnets(node, out SubnetPair all, out string? reason))
        {
            subnets = default;
            return new OwnProblem("PodCIDRUnusable", $"node \"{node.Name}\" cannot be used: {reason}");
        }

        subnets = NodeLease.Enabled(all, network);
        return (network.EnableIPv4 ? Find(node.Name, network, subnets, is6: false) : null)
            ?? (network.EnableIPv6 ? Find(node.Name, network, subnets, is6: true) : null);
    }

    private static OwnProblem? Find(string node, NetworkConfig network, SubnetPair subnets, bool is6)
    {
        IpPrefix subnet = is6 ? subnets.IPv6Subnet : subnets.Subnet;
        IpPrefix all = is6 ? network.IPv6Network : network.Network;
        return subnet.IsNone ? NotAssigned(node, network, is6)
            : all.Contains(subnet) ? null
            : new OwnProblem(
                "PodCIDROutsideNetwork",
                $"node \"{node}\" has the pod CIDR {subnet}, which is not inside the network {all} of net-conf.json: "
                + "write the cluster's range (kubeadm's --pod-network-cidr) into net-conf.json, or delete the Node and "
                + "have it join again with a pod CIDR inside");
    }

    // Upstream's words first, which its users search for.
    private static OwnProblem NotAssigned(string node, NetworkConfig network, bool is6)
    {
        bool isDual = network.EnableIPv4 && network.EnableIPv6;
        string ranges = isDual ? $"{network.Network},{network.IPv6Network}" : $"{network.Network}{network.IPv6Network}";
        return new OwnProblem(
            "PodCIDRNotAssigned",
            $"node \"{node}\" pod cidr not assigned{(isDual ? $" for {(is6 ? "IPv6" : "IPv4")}" : "")}: start "
            + $"kube-controller-manager with --allocate-node-cidrs=true --cluster-cidr={ranges} (kubeadm init "
            + $"--pod-network-cidr={ranges}), or set spec.podCIDR of this Node to a range that no other Node has");
    }
}

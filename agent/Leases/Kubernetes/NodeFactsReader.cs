namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>What this node's Node says of it beside the lease. Pure.</summary>
internal static class NodeFactsReader
{
    /// <param name="before">Counts where the Node has no internal address, as while it is made anew.</param>
    internal static NodeFacts Read(NodeRecord node, NodeFacts before)
    {
        NodeAnnotations annotations = node.Annotations;
        bool hasAddress = !node.InternalIP.IsNone || !node.InternalIPv6.IsNone;
        return new NodeFacts
        {
            InternalIP = hasAddress ? node.InternalIP : before.InternalIP,
            InternalIPv6 = hasAddress ? node.InternalIPv6 : before.InternalIPv6,
            PublicIP = LeaseAnnotations.ReadUsersAddress(annotations.NodePublicIP, is6: false),
            PublicIPv6 = LeaseAnnotations.ReadUsersAddress(annotations.NodePublicIPv6, is6: true),
            Published = LeaseAnnotations.ReadOwn(annotations),
        };
    }
}

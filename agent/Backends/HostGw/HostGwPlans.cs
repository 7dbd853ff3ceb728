using FlannelCni.Agent.DataPlane;

namespace FlannelCni.Agent.Backends.HostGw;

/// <summary>What a peer on the same link needs in the kernel. Pure.</summary>
internal static class HostGwPlans
{
    /// <summary>The peer's subnet is behind the peer itself.</summary>
    internal static Planned<RouteKey, RouteEntry>? Route(Peer peer, PlanInput input) => new(
        RouteKey.InMainTable(peer.Subnet), RouteEntry.OverUnderlay(peer.PublicIP, input.Underlay.Index));
}

using FlannelCni.Agent.DataPlane;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>
/// What a peer needs in the kernel, per table. Pure. With DirectRouting a peer on the external interface's own link
/// needs no tunnel, only a route; which peers those are, the input says.
/// </summary>
internal static class VxlanPlans
{
    /// <summary>The peer's VTEP address, its subnet's base, is at its published MAC.</summary>
    internal static Planned<NeighbourKey, NeighbourEntry>? Neighbour(Peer peer, PlanInput input) =>
        Tunnel(peer, input) is { } device
            ? new(
                new NeighbourKey(device.Index, peer.Subnet.Base),
                new NeighbourEntry(peer.TunnelMac, IsPermanent: true))
            : null;

    /// <summary>That MAC is behind the peer's public address.</summary>
    internal static Planned<FdbKey, FdbDestination>? Fdb(Peer peer, PlanInput input) =>
        Tunnel(peer, input) is { } device
            ? new(new FdbKey(device.Index, peer.TunnelMac), new FdbDestination(peer.PublicIP, IsPermanent: true))
            : null;

    /// <summary>
    /// The peer's subnet is behind its VTEP address, which is on the device whatever the addresses say; or, of a peer
    /// without a tunnel, behind the peer itself.
    /// </summary>
    internal static Planned<RouteKey, RouteEntry>? Route(Peer peer, PlanInput input)
    {
        RouteKey key = RouteKey.InMainTable(peer.Subnet);
        return IsDirect(peer, input) ? new(key, RouteEntry.OverUnderlay(peer.PublicIP, input.Underlay.Index))
            : Tunnel(peer, input) is { } device ? new(key, RouteEntry.ThroughTunnel(peer.Subnet, device.Index))
            : null;
    }

    private static DeviceFacts? Tunnel(Peer peer, PlanInput input) =>
        IsDirect(peer, input) ? null : input.State.Device(peer.Key.Is6);

    private static bool IsDirect(Peer peer, PlanInput input) => input.State.OnLink.Reaches(peer.PublicIP);
}

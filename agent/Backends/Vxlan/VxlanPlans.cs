using FlannelCni.Agent.DataPlane;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>What a peer needs in the kernel, per table. Pure.</summary>
internal static class VxlanPlans
{
    /// <summary>The peer's VTEP address, its subnet's base, is at its published MAC.</summary>
    internal static Planned<NeighbourKey, NeighbourEntry>? Neighbour(Peer peer, PlanInput input) =>
        input.State.Device(peer.Key.Is6) is { } device
            ? new(
                new NeighbourKey(device.Index, peer.Subnet.Base),
                new NeighbourEntry(peer.TunnelMac, IsPermanent: true))
            : null;

    /// <summary>That MAC is behind the peer's public address.</summary>
    internal static Planned<FdbKey, FdbDestination>? Fdb(Peer peer, PlanInput input) =>
        input.State.Device(peer.Key.Is6) is { } device
            ? new(new FdbKey(device.Index, peer.TunnelMac), new FdbDestination(peer.PublicIP, IsPermanent: true))
            : null;

    /// <summary>
    /// The peer's subnet is behind its VTEP address, which is on the device whatever the addresses say.
    /// </summary>
    internal static Planned<RouteKey, RouteEntry>? Route(Peer peer, PlanInput input) =>
        input.State.Device(peer.Key.Is6) is { } device
            ? new(RouteKey.InMainTable(peer.Subnet), new RouteEntry(peer.Subnet.Base, device.Index, IsOnlink: true))
            : null;
}

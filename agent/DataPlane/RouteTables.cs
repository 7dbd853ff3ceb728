using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// The tables of routes to pods, one a family. A backend that wants none has them too: they clear away what an earlier
/// one left.
/// </summary>
internal static class RouteTables
{
    internal static IReadOnlyList<ITable> Create(
        PeerPlan<RouteKey, RouteEntry> plan, NetworkConfig network, RtnlSocket rtnl) =>
    [
        .. network.EnableIPv4 ? [Create(plan, rtnl, is6: false)] : (ReadOnlySpan<ITable>)[],
        .. network.EnableIPv6 ? [Create(plan, rtnl, is6: true)] : (ReadOnlySpan<ITable>)[],
    ];

    /// <param name="nexthops">What routes on the tunnel device may go through.</param>
    internal static ITable Create(
        PeerPlan<RouteKey, RouteEntry> plan, RtnlSocket rtnl, bool is6, NexthopStore? nexthops = null) =>
        new EntryTable<RouteKey, RouteEntry>(
            "route",
            (peer, input) => peer.Key.Is6 == is6 ? plan(peer, input) : null,
            new RouteStore(rtnl, is6, nexthops));
}

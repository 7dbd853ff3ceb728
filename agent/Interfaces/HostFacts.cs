using System.Collections.Immutable;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Interfaces;

/// <summary>What the kernel says about this node's interfaces at one moment.</summary>
/// <param name="Links">By ifindex.</param>
/// <param name="Addresses">IPv4 and IPv6, in the kernel's order, which is that of preference.</param>
/// <param name="DefaultRoutes">Of the main table, both families.</param>
/// <param name="PathToReach">
/// Where packets to <see cref="InterfaceRequest.CanReach"/> go; null: nowhere, or not asked for.
/// </param>
internal sealed record HostFacts(
    ImmutableArray<Link> Links,
    ImmutableArray<LinkAddress> Addresses,
    ImmutableArray<Route> DefaultRoutes,
    Route? PathToReach)
{
    /// <summary>Asks the kernel.</summary>
    /// <param name="canReach">As in <see cref="InterfaceRequest.CanReach"/>.</param>
    /// <exception cref="Linux.Netlink.NetlinkException">The kernel refused.</exception>
    public static HostFacts Read(RtnlSocket rtnl, IpAddr canReach) => new(
        [.. rtnl.ListLinks().OrderBy(static link => link.Index)],
        [.. rtnl.ListAddresses(is6: false), .. rtnl.ListAddresses(is6: true)],
        [.. rtnl.ListRoutes(new RouteFilter(Is6: false), IsDefault),
            .. rtnl.ListRoutes(new RouteFilter(Is6: true), IsDefault)],
        canReach.IsNone ? null : rtnl.ResolveRoute(canReach));

    // The filter asks for the main table, but only a kernel with strict checking heeds it.
    private static bool IsDefault(Route route) =>
        route.Destination.IsDefault && route.Table == RouteTable.RT_TABLE_MAIN && route.Type == RouteType.RTN_UNICAST;
}

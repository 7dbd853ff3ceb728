using FlannelCni.Linux.Net;
using static FlannelCni.Linux.Rtnetlink.RouteMetric;
using static FlannelCni.Linux.Rtnetlink.RouteTable;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>
/// A route: <c>ip route show</c>. Its key in the kernel is table, destination and metric (and TOS, not used here).
/// </summary>
/// <param name="Destination">Host bits cleared; length 0 is the default route of its family.</param>
public readonly record struct Route(IpPrefix Destination)
{
    /// <summary>
    /// None: the destination is on the link, or the nexthop object says it. An IPv4 route may have an IPv6 gateway.
    /// </summary>
    public IpAddr Gateway { get; init; }

    /// <summary>ifindex of the output device; 0: found by the gateway, or said by the nexthop object.</summary>
    public int OutInterface { get; init; }

    /// <summary>
    /// Nexthop object it goes through; 0: none. A route that was read has the object's gateway, device and onlink as
    /// well; in one that is written they are left out.
    /// </summary>
    public uint NexthopId { get; init; }

    public uint Table { get; init; } = RT_TABLE_MAIN;

    /// <summary>RTA_PRIORITY. IPv6: 1024 unless given, which is also what the kernel makes of a 0.</summary>
    public uint Metric { get; init; } = Destination.Is6 ? IP6_RT_PRIO_USER : 0;

    public RouteProtocol Protocol { get; init; } = RouteProtocol.RTPROT_BOOT;

    /// <summary>How far the destination is; by custom RT_SCOPE_LINK where IPv4 has no gateway. IPv6 has none.</summary>
    public RouteScope Scope { get; init; }

    public RouteType Type { get; init; } = RouteType.RTN_UNICAST;

    /// <summary>The gateway is believed to be on the link, whatever the addresses say.</summary>
    public bool IsOnlink { get; init; }

    public IpAddr PreferredSource { get; init; }

    /// <summary>RTAX_MTU; 0: the device's.</summary>
    public uint Mtu { get; init; }

    /// <summary>RTAX_ADVMSS; 0: from the MTU.</summary>
    public uint AdvertisedMss { get; init; }

    /// <summary>It has several paths, of which nothing else is read.</summary>
    public bool IsMultipath { get; init; }
}

/// <summary>Which routes to list; the kernel leaves out the others.</summary>
/// <param name="Is6">IPv6, else IPv4.</param>
public readonly record struct RouteFilter(bool Is6)
{
    /// <summary>0: every table.</summary>
    public uint Table { get; init; } = RT_TABLE_MAIN;

    /// <summary>ifindex; 0: every device.</summary>
    public int OutInterface { get; init; }

    /// <summary>RTPROT_UNSPEC: whoever installed it.</summary>
    public RouteProtocol Protocol { get; init; }
}

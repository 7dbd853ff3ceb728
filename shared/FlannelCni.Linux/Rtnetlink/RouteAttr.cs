namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Attributes of a route, linux/rtnetlink.h.</summary>
internal enum RouteAttr : ushort
{
    RTA_DST = 1,
    RTA_OIF = 4,
    RTA_GATEWAY = 5,
    RTA_PRIORITY = 6,
    RTA_PREFSRC = 7,
    RTA_METRICS = 8,
    RTA_MULTIPATH = 9,
    RTA_TABLE = 15,
    RTA_VIA = 18,
    RTA_NH_ID = 30,
}

/// <summary>Inside RTA_METRICS.</summary>
internal enum RouteMetricAttr : ushort
{
    RTAX_MTU = 2,
    RTAX_ADVMSS = 8,
}

/// <summary>rtm_protocol: who installed it. Values below 4 mean something to the kernel.</summary>
public enum RouteProtocol : byte
{
    RTPROT_UNSPEC = 0,
    RTPROT_REDIRECT = 1,
    RTPROT_KERNEL = 2,
    RTPROT_BOOT = 3,
    RTPROT_STATIC = 4,
    RTPROT_RA = 9,
    RTPROT_DHCP = 16,
}

/// <summary>rtm_scope: how far the destination is.</summary>
public enum RouteScope : byte
{
    RT_SCOPE_UNIVERSE = 0,
    RT_SCOPE_SITE = 200,
    RT_SCOPE_LINK = 253,
    RT_SCOPE_HOST = 254,
    RT_SCOPE_NOWHERE = 255,
}

/// <summary>rtm_type.</summary>
public enum RouteType : byte
{
    RTN_UNSPEC = 0,
    RTN_UNICAST = 1,
    RTN_LOCAL = 2,
    RTN_BROADCAST = 3,
    RTN_ANYCAST = 4,
    RTN_MULTICAST = 5,
    RTN_BLACKHOLE = 6,
    RTN_UNREACHABLE = 7,
    RTN_PROHIBIT = 8,
    RTN_THROW = 9,
}

/// <summary>rtm_table, reserved values.</summary>
public static class RouteTable
{
    public const uint RT_TABLE_MAIN = 254;
    public const uint RT_TABLE_LOCAL = 255;
}

/// <summary>The kernel's defaults of a metric, net/ip6_route.h.</summary>
internal static class RouteMetric
{
    internal const uint IP6_RT_PRIO_USER = 1024;
}

/// <summary>rtm_flags and nh_flags.</summary>
internal static class RouteFlags
{
    internal const uint RTNH_F_ONLINK = 4;
    internal const uint RTM_F_CLONED = 0x200;
}

/// <summary>Attributes of a nexthop object, linux/nexthop.h.</summary>
internal enum NexthopAttr : ushort
{
    NHA_ID = 1,
    NHA_GROUP = 2,
    NHA_BLACKHOLE = 4,
    NHA_OIF = 5,
    NHA_GATEWAY = 6,
    NHA_FDB = 11,
}

using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Message types of NETLINK_ROUTE, linux/rtnetlink.h.</summary>
internal static class RtnlMsgType
{
    internal const ushort RTM_NEWLINK = 16;
    internal const ushort RTM_DELLINK = 17;
    internal const ushort RTM_GETLINK = 18;
    internal const ushort RTM_SETLINK = 19;
    internal const ushort RTM_NEWADDR = 20;
    internal const ushort RTM_DELADDR = 21;
    internal const ushort RTM_GETADDR = 22;
    internal const ushort RTM_NEWROUTE = 24;
    internal const ushort RTM_DELROUTE = 25;
    internal const ushort RTM_GETROUTE = 26;
    internal const ushort RTM_NEWNEIGH = 28;
    internal const ushort RTM_DELNEIGH = 29;
    internal const ushort RTM_GETNEIGH = 30;
    internal const ushort RTM_GETMULTICAST = 58;
    internal const ushort RTM_NEWNEXTHOP = 104;
    internal const ushort RTM_DELNEXTHOP = 105;
    internal const ushort RTM_GETNEXTHOP = 106;
}

/// <summary>Multicast groups of NETLINK_ROUTE, <c>enum rtnetlink_groups</c>.</summary>
public enum RtnlGroup
{
    RTNLGRP_LINK = 1,
    RTNLGRP_NEIGH = 3,
    RTNLGRP_IPV4_IFADDR = 5,
    RTNLGRP_IPV4_ROUTE = 7,
    RTNLGRP_IPV6_IFADDR = 9,
    RTNLGRP_IPV6_ROUTE = 11,
    RTNLGRP_NEXTHOP = 32,
}

/// <summary><c>struct ifinfomsg</c>, linux/rtnetlink.h; 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IfInfoMsg
{
    internal byte Family;         // ifi_family
    private readonly byte _pad;
    internal ushort Type;         // ifi_type, ARPHRD_*
    internal int Index;           // ifi_index
    internal LinkFlags Flags;     // ifi_flags
    internal LinkFlags Change;    // ifi_change: which of the flags are meant
}

/// <summary><c>struct ifaddrmsg</c>, linux/if_addr.h; 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IfAddrMsg
{
    internal byte Family;            // ifa_family
    internal byte PrefixLength;      // ifa_prefixlen
    internal byte Flags;             // ifa_flags, the low eight
    internal RouteScope Scope;       // ifa_scope
    internal int Index;              // ifa_index
}

/// <summary><c>struct rtmsg</c>, linux/rtnetlink.h; 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RtMsg
{
    internal byte Family;               // rtm_family
    internal byte DestinationLength;    // rtm_dst_len
    internal byte SourceLength;         // rtm_src_len
    internal byte Tos;                  // rtm_tos
    internal byte Table;                // rtm_table; 0 where RTA_TABLE says it
    internal RouteProtocol Protocol;    // rtm_protocol
    internal RouteScope Scope;          // rtm_scope
    internal RouteType Type;            // rtm_type
    internal uint Flags;                // rtm_flags, RTNH_F_* and RTM_F_*
}

/// <summary><c>struct ndmsg</c>, linux/neighbour.h; 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NdMsg
{
    internal byte Family;               // ndm_family
    private readonly byte _pad1;
    private readonly ushort _pad2;
    internal int Index;                 // ndm_ifindex
    internal NeighbourState State;      // ndm_state
    internal NeighbourFlags Flags;      // ndm_flags
    internal byte Type;                 // ndm_type
}

/// <summary><c>struct nhmsg</c>, linux/nexthop.h; 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NhMsg
{
    internal byte Family;               // nh_family
    internal RouteScope Scope;          // nh_scope, in answers only
    internal RouteProtocol Protocol;    // nh_protocol
    private readonly byte _reserved;
    internal uint Flags;                // nh_flags, RTNH_F_*
}

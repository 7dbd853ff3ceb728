namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Attributes of a link, linux/if_link.h.</summary>
internal enum LinkAttr : ushort
{
    IFLA_ADDRESS = 1,
    IFLA_IFNAME = 3,
    IFLA_MTU = 4,
    IFLA_LINK = 5,
    IFLA_MASTER = 10,
    IFLA_PROTINFO = 12,
    IFLA_TXQLEN = 13,
    IFLA_OPERSTATE = 16,
    IFLA_LINKINFO = 18,
    IFLA_IFALIAS = 20,
    IFLA_AF_SPEC = 26,
    IFLA_NET_NS_FD = 28,
    IFLA_EXT_MASK = 29,
    IFLA_PROMISCUITY = 30,
    IFLA_LINK_NETNSID = 37,
}

/// <summary>Inside IFLA_LINKINFO.</summary>
internal enum LinkInfoAttr : ushort
{
    IFLA_INFO_KIND = 1,
    IFLA_INFO_DATA = 2,
    IFLA_INFO_SLAVE_KIND = 4,
    IFLA_INFO_SLAVE_DATA = 5,
}

/// <summary>IFLA_INFO_DATA of kind vxlan.</summary>
internal enum VxlanAttr : ushort
{
    IFLA_VXLAN_ID = 1,
    IFLA_VXLAN_GROUP = 2,
    IFLA_VXLAN_LINK = 3,
    IFLA_VXLAN_LOCAL = 4,
    IFLA_VXLAN_TTL = 5,
    IFLA_VXLAN_TOS = 6,
    IFLA_VXLAN_LEARNING = 7,
    IFLA_VXLAN_PROXY = 11,
    IFLA_VXLAN_RSC = 12,
    IFLA_VXLAN_L2MISS = 13,
    IFLA_VXLAN_L3MISS = 14,
    IFLA_VXLAN_PORT = 15,
    IFLA_VXLAN_GROUP6 = 16,
    IFLA_VXLAN_LOCAL6 = 17,
    IFLA_VXLAN_GBP = 23,
}

/// <summary>IFLA_INFO_DATA of kind veth, linux/veth.h.</summary>
internal enum VethAttr : ushort
{
    VETH_INFO_PEER = 1,
}

/// <summary>IFLA_INFO_DATA of kind bridge.</summary>
internal enum BridgeAttr : ushort
{
    IFLA_BR_VLAN_FILTERING = 7,
}

/// <summary>IFLA_INFO_SLAVE_DATA of a bridge's port, and IFLA_PROTINFO of family AF_BRIDGE.</summary>
internal enum BridgePortAttr : ushort
{
    IFLA_BRPORT_STATE = 1,
    IFLA_BRPORT_MODE = 4,
    IFLA_BRPORT_ISOLATED = 33,
}

/// <summary>IFLA_AF_SPEC of family AF_BRIDGE, linux/if_bridge.h.</summary>
internal enum BridgeSpecAttr : ushort
{
    IFLA_BRIDGE_FLAGS = 0,
    IFLA_BRIDGE_VLAN_INFO = 2,
}

/// <summary>BRIDGE_VLAN_INFO_*, linux/if_bridge.h.</summary>
[Flags]
internal enum BridgeVlanFlags : ushort
{
    None = 0,
    BRIDGE_VLAN_INFO_PVID = 1 << 1,
    BRIDGE_VLAN_INFO_UNTAGGED = 1 << 2,
    BRIDGE_VLAN_INFO_RANGE_BEGIN = 1 << 3,
    BRIDGE_VLAN_INFO_RANGE_END = 1 << 4,
}

/// <summary>IFF_*, linux/if.h.</summary>
[Flags]
public enum LinkFlags : uint
{
    None = 0,
    IFF_UP = 0x1,
    IFF_LOOPBACK = 0x8,
    IFF_POINTOPOINT = 0x10,
    IFF_RUNNING = 0x40,
    IFF_NOARP = 0x80,
    IFF_PROMISC = 0x100,
    IFF_LOWER_UP = 0x10000,
}

/// <summary>RFC 2863 operational state, linux/if.h.</summary>
public enum OperState : byte
{
    IF_OPER_UNKNOWN = 0,
    IF_OPER_NOTPRESENT = 1,
    IF_OPER_DOWN = 2,
    IF_OPER_LOWERLAYERDOWN = 3,
    IF_OPER_TESTING = 4,
    IF_OPER_DORMANT = 5,
    IF_OPER_UP = 6,
}

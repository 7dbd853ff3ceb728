using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.BridgeAttr;
using static FlannelCni.Linux.Rtnetlink.BridgePortAttr;
using static FlannelCni.Linux.Rtnetlink.LinkAttr;
using static FlannelCni.Linux.Rtnetlink.LinkInfoAttr;
using static FlannelCni.Linux.Rtnetlink.VxlanAttr;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Reads RTM_NEWLINK and RTM_DELLINK. For a veth it allocates the link and its name, nothing else.</summary>
internal static class LinkReader
{
    /// <summary>linux/rtnetlink.h: counters are not wanted; they are most of a link's message.</summary>
    internal const uint RTEXT_FILTER_SKIP_STATS = 1 << 3;

    internal static bool TryRead(in NetlinkMessage message, out Link link)
    {
        IfInfoMsg header = message.Split<IfInfoMsg, LinkAttr>(out AttributeReader<LinkAttr> attributes);
        string name = "";
        uint mtu = 0;
        MacAddress mac = default;
        int master = 0;
        int parent = 0;
        int? peerNamespace = null;
        OperState state = default;
        uint promiscuity = 0;
        LinkInfo info = default;
        foreach (NetlinkAttribute<LinkAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case IFLA_IFNAME:
                    name = attribute.ReadString();
                    break;
                case IFLA_MTU:
                    mtu = attribute.ReadUInt32();
                    break;
                case IFLA_ADDRESS when attribute.Payload.Length == MacAddress.ByteLength:
                    mac = attribute.ReadMac();
                    break;
                case IFLA_MASTER:
                    master = attribute.ReadInt32();
                    break;
                case IFLA_LINK:
                    parent = attribute.ReadInt32();
                    break;
                case IFLA_LINK_NETNSID:
                    peerNamespace = attribute.ReadInt32();
                    break;
                case IFLA_OPERSTATE:
                    state = (OperState)attribute.ReadByte();
                    break;
                case IFLA_PROMISCUITY:
                    promiscuity = attribute.ReadUInt32();
                    break;
                case IFLA_LINKINFO:
                    info = ReadInfo(attribute.Nested<LinkInfoAttr>());
                    break;
            }
        }

        link = new Link
        {
            Index = header.Index,
            Name = name,
            Kind = info.Kind,
            Flags = header.Flags,
            Mtu = mtu,
            Mac = mac,
            MasterIndex = master,
            ParentIndex = parent,
            PeerNamespaceId = peerNamespace,
            OperState = state,
            Promiscuity = promiscuity,
            FiltersVlans = info.FiltersVlans,
            Port = info.Port,
            Vxlan = info.Vxlan,
        };
        return true;
    }

    private static LinkInfo ReadInfo(AttributeReader<LinkInfoAttr> attributes)
    {
        LinkInfo info = default;
        bool isBridgePort = false;
        foreach (NetlinkAttribute<LinkInfoAttr> attribute in attributes)
        {
            // The kernel sends a kind before its data.
            switch (attribute.Type)
            {
                case IFLA_INFO_KIND:
                    info.Kind = ReadKind(attribute);
                    break;
                case IFLA_INFO_DATA when info.Kind == "vxlan":
                    info.Vxlan = ReadVxlan(attribute.Nested<VxlanAttr>());
                    break;
                case IFLA_INFO_DATA when info.Kind == "bridge":
                    info.FiltersVlans = ReadFiltering(attribute.Nested<BridgeAttr>());
                    break;
                case IFLA_INFO_SLAVE_KIND:
                    isBridgePort = attribute.Payload.StartsWith("bridge\0"u8);
                    break;
                case IFLA_INFO_SLAVE_DATA when isBridgePort:
                    info.Port = ReadPort(attribute.Nested<BridgePortAttr>());
                    break;
            }
        }

        return info;
    }

    /// <summary>Of the kinds a node has many of, no new string.</summary>
    private static string ReadKind(in NetlinkAttribute<LinkInfoAttr> attribute) => attribute.Payload switch
    {
        _ when attribute.Payload.SequenceEqual("veth\0"u8) => "veth",
        _ when attribute.Payload.SequenceEqual("vxlan\0"u8) => "vxlan",
        _ when attribute.Payload.SequenceEqual("bridge\0"u8) => "bridge",
        _ => attribute.ReadString(),
    };

    private static bool ReadFiltering(AttributeReader<BridgeAttr> attributes)
    {
        foreach (NetlinkAttribute<BridgeAttr> attribute in attributes)
        {
            if (attribute.Type == IFLA_BR_VLAN_FILTERING)
            {
                return attribute.ReadByte() != 0;
            }
        }

        return false;
    }

    private static BridgePort ReadPort(AttributeReader<BridgePortAttr> attributes)
    {
        bool hairpin = false;
        bool isolated = false;
        foreach (NetlinkAttribute<BridgePortAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case IFLA_BRPORT_MODE:
                    hairpin = attribute.ReadByte() != 0;
                    break;
                case IFLA_BRPORT_ISOLATED:
                    isolated = attribute.ReadByte() != 0;
                    break;
            }
        }

        return new BridgePort(hairpin, isolated);
    }

    private static VxlanData ReadVxlan(AttributeReader<VxlanAttr> attributes)
    {
        VxlanData data = new();
        foreach (NetlinkAttribute<VxlanAttr> attribute in attributes)
        {
            data = attribute.Type switch
            {
                IFLA_VXLAN_ID => data with { Vni = attribute.ReadUInt32() },
                IFLA_VXLAN_PORT => data with { Port = attribute.ReadUInt16BigEndian() },
                IFLA_VXLAN_LOCAL or IFLA_VXLAN_LOCAL6 => data with { Local = attribute.ReadIpAddr() },
                IFLA_VXLAN_GROUP or IFLA_VXLAN_GROUP6 => data with { Group = attribute.ReadIpAddr() },
                IFLA_VXLAN_LINK => data with { ParentIndex = attribute.ReadInt32() },
                IFLA_VXLAN_LEARNING => data with { Learning = attribute.ReadByte() != 0 },
                IFLA_VXLAN_L2MISS => data with { L2Miss = attribute.ReadByte() != 0 },
                IFLA_VXLAN_L3MISS => data with { L3Miss = attribute.ReadByte() != 0 },
                IFLA_VXLAN_GBP => data with { Gbp = true },
                _ => data,
            };
        }

        return data;
    }

    private struct LinkInfo
    {
        internal string? Kind;
        internal VxlanData? Vxlan;
        internal BridgePort? Port;
        internal bool FiltersVlans;
    }
}

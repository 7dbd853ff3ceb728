using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.BridgePortAttr;
using static FlannelCni.Linux.Rtnetlink.LinkAttr;
using static FlannelCni.Linux.Rtnetlink.LinkInfoAttr;
using static FlannelCni.Linux.Rtnetlink.VxlanAttr;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Reads RTM_NEWLINK and RTM_DELLINK.</summary>
internal static class LinkReader
{
    /// <summary>linux/rtnetlink.h: counters are not wanted; they are most of a link's message.</summary>
    internal const uint RTEXT_FILTER_SKIP_STATS = 1 << 3;

    internal static bool TryRead(in NetlinkMessage message, out Link link)
    {
        IfInfoMsg header = message.Split<IfInfoMsg, LinkAttr>(out AttributeReader<LinkAttr> attributes);
        link = new Link { Index = header.Index, Name = "", Flags = header.Flags };
        foreach (NetlinkAttribute<LinkAttr> attribute in attributes)
        {
            link = attribute.Type switch
            {
                IFLA_IFNAME => link with { Name = attribute.ReadString() },
                IFLA_MTU => link with { Mtu = attribute.ReadUInt32() },
                IFLA_ADDRESS when attribute.Payload.Length == MacAddress.ByteLength =>
                    link with { Mac = attribute.ReadMac() },
                IFLA_MASTER => link with { MasterIndex = attribute.ReadInt32() },
                IFLA_LINK => link with { ParentIndex = attribute.ReadInt32() },
                IFLA_LINK_NETNSID => link with { PeerNamespaceId = attribute.ReadInt32() },
                IFLA_OPERSTATE => link with { OperState = (OperState)attribute.ReadByte() },
                IFLA_PROMISCUITY => link with { Promiscuity = attribute.ReadUInt32() },
                IFLA_LINKINFO => ReadInfo(attribute.Nested<LinkInfoAttr>(), link),
                _ => link,
            };
        }

        return true;
    }

    private static Link ReadInfo(AttributeReader<LinkInfoAttr> attributes, Link link)
    {
        string? slaveKind = null;
        foreach (NetlinkAttribute<LinkInfoAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case IFLA_INFO_KIND:
                    link = link with { Kind = attribute.ReadString() };
                    break;
                case IFLA_INFO_DATA when link.Kind == "vxlan":
                    link = link with { Vxlan = ReadVxlan(attribute.Nested<VxlanAttr>()) };
                    break;
                case IFLA_INFO_SLAVE_KIND:
                    slaveKind = attribute.ReadString();
                    break;
                case IFLA_INFO_SLAVE_DATA when slaveKind == "bridge":
                    link = link with { Port = ReadPort(attribute.Nested<BridgePortAttr>()) };
                    break;
            }
        }

        return link;
    }

    private static BridgePort ReadPort(AttributeReader<BridgePortAttr> attributes)
    {
        BridgePort port = new(Hairpin: false, Isolated: false);
        foreach (NetlinkAttribute<BridgePortAttr> attribute in attributes)
        {
            port = attribute.Type switch
            {
                IFLA_BRPORT_MODE => port with { Hairpin = attribute.ReadByte() != 0 },
                IFLA_BRPORT_ISOLATED => port with { Isolated = attribute.ReadByte() != 0 },
                _ => port,
            };
        }

        return port;
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
}

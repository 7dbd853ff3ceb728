using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.NexthopAttr;
using static FlannelCni.Linux.Rtnetlink.RouteFlags;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>A nexthop object: <c>ip nexthop show</c>. Its key in the kernel is its id, whoever made it.</summary>
/// <param name="Id">From 1; unique in the namespace.</param>
public readonly record struct Nexthop(uint Id, IpAddr Gateway, int OutInterface)
{
    public bool IsOnlink { get; init; }

    public RouteProtocol Protocol { get; init; }

    internal static Span<byte> Compose(Span<byte> buffer, ushort type, NlMsgFlags flags, in Nexthop nexthop)
    {
        bool isDelete = type == RtnlMsgType.RTM_DELNEXTHOP;
        NhMsg header = new()
        {
            Family = isDelete ? (byte)0 : nexthop.Gateway.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            Protocol = isDelete ? default : nexthop.Protocol,
            Flags = !isDelete && nexthop.IsOnlink ? RTNH_F_ONLINK : 0,
        };
        NetlinkWriter<NhMsg, NexthopAttr> request = new(buffer, type, flags, header);
        request.Attributes.Write(NHA_ID, nexthop.Id);
        if (!isDelete)
        {
            request.Attributes.Write(NHA_OIF, nexthop.OutInterface);
            request.Attributes.Write(NHA_GATEWAY, nexthop.Gateway);
        }

        return request.Written;
    }

    internal static bool TryRead(in NetlinkMessage message, out Nexthop nexthop)
    {
        NhMsg header = message.Split<NhMsg, NexthopAttr>(out AttributeReader<NexthopAttr> attributes);
        nexthop = default(Nexthop) with
        {
            IsOnlink = (header.Flags & RTNH_F_ONLINK) != 0,
            Protocol = header.Protocol,
        };
        foreach (NetlinkAttribute<NexthopAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NHA_ID:
                    nexthop = nexthop with { Id = attribute.ReadUInt32() };
                    break;
                case NHA_OIF:
                    nexthop = nexthop with { OutInterface = attribute.ReadInt32() };
                    break;
                case NHA_GATEWAY:
                    nexthop = nexthop with { Gateway = attribute.ReadIpAddr() };
                    break;
            }
        }

        return nexthop.Id != 0;
    }
}

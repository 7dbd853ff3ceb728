using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.RouteAttr;
using static FlannelCni.Linux.Rtnetlink.RouteFlags;
using static FlannelCni.Linux.Rtnetlink.RouteMetricAttr;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Writes and reads RTM_NEWROUTE and RTM_DELROUTE.</summary>
internal static class RouteMessages
{
    private const int ViaHeaderSize = 2;

    internal static Span<byte> Compose(Span<byte> buffer, ushort type, NlMsgFlags flags, in Route route)
    {
        RtMsg header = new()
        {
            Family = route.Destination.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            DestinationLength = (byte)route.Destination.Length,
            Table = route.Table < 256 ? (byte)route.Table : (byte)0,
            Protocol = route.Protocol,
            Scope = route.Scope,
            Type = route.Type,
            Flags = route.IsOnlink ? RTNH_F_ONLINK : 0,
        };
        NetlinkWriter<RtMsg, RouteAttr> request = new(buffer, type, flags, header);
        AttributeWriter<RouteAttr> attributes = request.Attributes;
        if (route.Destination.Length > 0)
        {
            attributes.Write(RTA_DST, route.Destination.Base);
        }

        WritePath(attributes, route);
        WriteIfSet(attributes, RTA_PRIORITY, route.Metric);
        WriteIfSet(attributes, RTA_TABLE, route.Table < 256 ? 0 : route.Table);
        if (!route.PreferredSource.IsNone)
        {
            attributes.Write(RTA_PREFSRC, route.PreferredSource);
        }

        if ((route.Mtu | route.AdvertisedMss) != 0)
        {
            using AttributeWriter<RouteMetricAttr> metrics = attributes.Nest<RouteMetricAttr>(RTA_METRICS);
            WriteIfSet(metrics, RTAX_MTU, route.Mtu);
            WriteIfSet(metrics, RTAX_ADVMSS, route.AdvertisedMss);
        }

        return request.Written;
    }

    internal static bool TryRead(in NetlinkMessage message, out Route route)
    {
        RtMsg header = message.Split<RtMsg, RouteAttr>(out AttributeReader<RouteAttr> attributes);
        IpAddr any = header.Family == Libc.AF_INET6 ? IpAddr.Any6 : IpAddr.Any4;
        route = new Route(new IpPrefix(any, 0))
        {
            Table = header.Table,
            Protocol = header.Protocol,
            Scope = header.Scope,
            Type = header.Type,
            IsOnlink = (header.Flags & RTNH_F_ONLINK) != 0,
        };
        foreach (NetlinkAttribute<RouteAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case RTA_DST:
                    IpAddr address = attribute.ReadIpAddr();
                    int length = Math.Min(header.DestinationLength, address.BitLength);
                    route = route with { Destination = new IpPrefix(address, length) };
                    break;
                case RTA_GATEWAY:
                    route = route with { Gateway = attribute.ReadIpAddr() };
                    break;
                case RTA_VIA:
                    route = route with { Gateway = ReadVia(attribute.Payload) };
                    break;
                case RTA_OIF:
                    route = route with { OutInterface = attribute.ReadInt32() };
                    break;
                case RTA_NH_ID:
                    route = route with { NexthopId = attribute.ReadUInt32() };
                    break;
                case RTA_PRIORITY:
                    route = route with { Metric = attribute.ReadUInt32() };
                    break;
                case RTA_TABLE:
                    route = route with { Table = attribute.ReadUInt32() };
                    break;
                case RTA_PREFSRC:
                    route = route with { PreferredSource = attribute.ReadIpAddr() };
                    break;
                case RTA_MULTIPATH:
                    route = route with { IsMultipath = true };
                    break;
                case RTA_METRICS:
                    route = ReadMetrics(attribute.Nested<RouteMetricAttr>(), route);
                    break;
            }
        }

        // IPv4 and IPv6 only: a dump of family 0 names other families too.
        return header.Family is Libc.AF_INET or Libc.AF_INET6 && (header.Flags & RTM_F_CLONED) == 0;
    }

    private static Route ReadMetrics(AttributeReader<RouteMetricAttr> attributes, Route route)
    {
        foreach (NetlinkAttribute<RouteMetricAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case RTAX_MTU:
                    route = route with { Mtu = attribute.ReadUInt32() };
                    break;
                case RTAX_ADVMSS:
                    route = route with { AdvertisedMss = attribute.ReadUInt32() };
                    break;
            }
        }

        return route;
    }

    // A route through a nexthop object must not name device or gateway as well (EINVAL).
    private static void WritePath(AttributeWriter<RouteAttr> attributes, in Route route)
    {
        if (route.NexthopId != 0)
        {
            attributes.Write(RTA_NH_ID, route.NexthopId);
            return;
        }

        if (route.Gateway.Is6 && route.Destination.Is4)
        {
            WriteVia(attributes, route.Gateway);
        }
        else if (!route.Gateway.IsNone)
        {
            attributes.Write(RTA_GATEWAY, route.Gateway);
        }

        WriteIfSet(attributes, RTA_OIF, (uint)route.OutInterface);
    }

    /// <summary><c>struct rtvia</c>: <c>rtvia_family:u16 | rtvia_addr</c>, a gateway of the other family.</summary>
    private static void WriteVia(AttributeWriter<RouteAttr> attributes, IpAddr gateway)
    {
        Span<byte> via = stackalloc byte[ViaHeaderSize + 16];
        MemoryMarshal.Write(via, (ushort)Libc.AF_INET6);
        gateway.WriteTo(via[ViaHeaderSize..]);
        attributes.Write(RTA_VIA, via);
    }

    private static IpAddr ReadVia(ReadOnlySpan<byte> via) => via.Length == ViaHeaderSize + 16
        ? IpAddr.FromBytes(via[ViaHeaderSize..])
        : throw new InvalidDataException($"RTA_VIA of {via.Length} bytes, {ViaHeaderSize + 16} expected");

    private static void WriteIfSet<TAttr>(AttributeWriter<TAttr> attributes, TAttr type, uint value)
        where TAttr : unmanaged, Enum
    {
        if (value != 0)
        {
            attributes.Write(type, value);
        }
    }
}

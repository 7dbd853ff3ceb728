using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.RouteAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE.</content>
public sealed partial class RtnlSocket
{
    /// <summary><c>ip route add DST via GW dev INDEX [onlink]</c>.</summary>
    /// <exception cref="NetlinkException">EEXIST: a route of the same table, destination and metric exists.</exception>
    public void AddRoute(in Route route)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(RouteMessages.Compose(buffer, RTM_NEWROUTE, Create, route), "add route", route.Destination);
    }

    /// <summary><c>ip route prepend</c>: beside others of the same destination (IPv6: one of several paths).</summary>
    /// <exception cref="NetlinkException">EEXIST: this very route exists.</exception>
    public void PrependRoute(in Route route)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            RouteMessages.Compose(buffer, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, route),
            "prepend route",
            route.Destination);
    }

    /// <summary><c>ip route replace</c>: the route of this table, destination and metric becomes this one.</summary>
    public void ReplaceRoute(in Route route)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            RouteMessages.Compose(buffer, RTM_NEWROUTE, Replace, route), "replace route", route.Destination);
    }

    /// <summary>
    /// <c>ip route del</c>, of a route that matches all that is given, protocol, type and scope too. Metric 0 is any.
    /// </summary>
    /// <returns>False: there was none.</returns>
    public bool DeleteRouteIfPresent(in Route route)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        return _socket.Execute(
            RouteMessages.Compose(buffer, RTM_DELROUTE, Change, route),
            "delete route",
            route.Destination,
            tolerated: Errno.ESRCH);
    }

    /// <summary><c>ip route show table TABLE dev INDEX proto PROTOCOL</c>.</summary>
    /// <exception cref="NetlinkException">ENODEV: there is no such output interface.</exception>
    public List<Route> ListRoutes(RouteFilter filter)
    {
        try
        {
            return _socket.Dump<Route>(
                ComposeDump(stackalloc byte[MessageSize], filter), "list routes", RouteMessages.TryRead);
        }
        catch (NetlinkException e) when (e.Errno is Errno.ENOENT)
        {
            return [];    // the table is made with its first route
        }
    }

    /// <inheritdoc cref="ListRoutes(RouteFilter)"/>
    /// <param name="isWanted">The others are not kept: a table may have a million.</param>
    public List<Route> ListRoutes(RouteFilter filter, Predicate<Route> isWanted)
    {
        WantedReader reader = new(isWanted);
        ListRoutes(filter, reader);
        return reader.Routes;
    }

    /// <inheritdoc cref="ListRoutes(RouteFilter)"/>
    public void ListRoutes(RouteFilter filter, IDumpReader<Route> reader)
    {
        try
        {
            _socket.Dump(
                ComposeDump(stackalloc byte[MessageSize], filter), "list routes", RouteMessages.TryRead, reader);
        }
        catch (NetlinkException e) when (e.Errno is Errno.ENOENT)
        {
            // As above.
        }
    }

    private static Span<byte> ComposeDump(Span<byte> buffer, RouteFilter filter)
    {
        RtMsg header = new()
        {
            Family = filter.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            Table = filter.Table < 256 ? (byte)filter.Table : (byte)0,
            Protocol = filter.Protocol,
        };
        NetlinkWriter<RtMsg, RouteAttr> request = new(buffer, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, header);
        if (filter.OutInterface != 0)
        {
            request.Attributes.Write(RTA_OIF, filter.OutInterface);
        }

        if (filter.Table >= 256)
        {
            request.Attributes.Write(RTA_TABLE, filter.Table);
        }

        return request.Written;
    }

    /// <summary><c>ip route get ADDRESS</c>: what the kernel would do with a packet to it.</summary>
    /// <returns>Null: unreachable.</returns>
    public Route? ResolveRoute(IpAddr address)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        RtMsg header = new()
        {
            Family = address.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            DestinationLength = (byte)address.BitLength,
        };
        NetlinkWriter<RtMsg, RouteAttr> request = new(buffer, RTM_GETROUTE, NLM_F_REQUEST, header);
        request.Attributes.Write(RTA_DST, address);
        return _socket.TryGet(
            request.Written,
            "resolve route",
            address,
            static errno => errno is Errno.ENETUNREACH or Errno.EHOSTUNREACH or Errno.ENETDOWN,
            TryReadResolved,
            out Route route)
            ? route
            : null;
    }

    // The answer to a lookup is a cloned route, which a listing would pass by.
    private static bool TryReadResolved(in NetlinkMessage message, out Route route)
    {
        _ = RouteMessages.TryRead(message, out route);
        return true;
    }

    private sealed class WantedReader(Predicate<Route> isWanted) : IDumpReader<Route>
    {
        internal List<Route> Routes { get; } = [];

        public void Restart() => Routes.Clear();

        public void Read(in Route route)
        {
            if (isWanted(route))
            {
                Routes.Add(route);
            }
        }
    }
}

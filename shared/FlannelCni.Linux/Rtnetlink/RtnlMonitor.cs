using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Notifications of one group of NETLINK_ROUTE: <c>ip monitor</c>.</summary>
public sealed class RtnlMonitor : IDisposable
{
    // Some 10,000 notifications: the kernel charges each with its bookkeeping, near 1 kB.
    private const int BufferSize = 8 * 1024 * 1024;

    private readonly NetlinkMonitor _monitor;

    private RtnlMonitor(NetlinkMonitor monitor) => _monitor = monitor;

    /// <summary>Subscribes in the calling thread's network namespace.</summary>
    public static RtnlMonitor Open(RtnlGroup group) =>
        new(NetlinkMonitor.Open(NetlinkFamily.NETLINK_ROUTE, (int)group, BufferSize));

    /// <inheritdoc cref="NetlinkMonitor.ReceiveAsync{T}"/>
    public ValueTask<bool> ReceiveAsync(List<RtnlEvent> into, CancellationToken cancellationToken) =>
        _monitor.ReceiveAsync(into, Read, cancellationToken);

    public void Dispose() => _monitor.Dispose();

    private static void Read(in NetlinkMessage message, List<RtnlEvent> into)
    {
        uint portId = message.Header.PortId;
        switch (message.Header.Type)
        {
            case RTM_NEWLINK or RTM_DELLINK:
                // AF_BRIDGE announces a port's state, in a message that lacks most of the link.
                if (message.Split<IfInfoMsg, LinkAttr>(out _).Family != Libc.AF_BRIDGE
                    && LinkReader.TryRead(message, out Link link))
                {
                    into.Add(new(RtnlEventKind.Link, message.Header.Type == RTM_DELLINK, portId) { Link = link });
                }

                break;
            case RTM_NEWADDR or RTM_DELADDR:
                if (RtnlSocket.TryReadAddress(message, out LinkAddress address))
                {
                    into.Add(new(RtnlEventKind.Address, message.Header.Type == RTM_DELADDR, portId) { Address = address });
                }

                break;
            case RTM_NEWROUTE or RTM_DELROUTE:
                if (RouteMessages.TryRead(message, out Route route))
                {
                    into.Add(new(RtnlEventKind.Route, message.Header.Type == RTM_DELROUTE, portId) { Route = route });
                }

                break;
            case RTM_NEWNEXTHOP or RTM_DELNEXTHOP:
                if (Nexthop.TryRead(message, out Nexthop nexthop))
                {
                    into.Add(new(RtnlEventKind.Nexthop, message.Header.Type == RTM_DELNEXTHOP, portId) { Nexthop = nexthop });
                }

                break;
            case RTM_NEWNEIGH or RTM_DELNEIGH:
                ReadNeighbour(message, into);
                break;
        }
    }

    private static void ReadNeighbour(in NetlinkMessage message, List<RtnlEvent> into)
    {
        bool isDeleted = message.Header.Type == RTM_DELNEIGH;
        if (NeighbourMessages.TryReadFdb(message, out FdbEntry fdb))
        {
            into.Add(new(RtnlEventKind.Fdb, isDeleted, message.Header.PortId) { Fdb = fdb });
        }
        else if (NeighbourMessages.TryReadNeighbour(message, out Neighbour neighbour))
        {
            into.Add(new(RtnlEventKind.Neighbour, isDeleted, message.Header.PortId) { Neighbour = neighbour });
        }
    }
}

using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Notifications of one group of NETLINK_ROUTE, for one reader: <c>ip monitor</c>.</summary>
public sealed class RtnlMonitor : IDisposable
{
    /// <summary>
    /// Doubled by the kernel, which charges each notification with its bookkeeping, near 1 kB: some 16,000 of them.
    /// </summary>
    public const int DefaultBufferSize = 8 * 1024 * 1024;

    private readonly NetlinkMonitor _monitor;

    private RtnlMonitor(NetlinkMonitor monitor) => _monitor = monitor;

    /// <summary>Subscribes in the calling thread's network namespace.</summary>
    /// <param name="bufferSize">Bytes of notifications that may wait; the rest is lost, which is reported.</param>
    public static RtnlMonitor Open(RtnlGroup group, int bufferSize = DefaultBufferSize) =>
        new(NetlinkMonitor.Open(NetlinkFamily.NETLINK_ROUTE, (int)group, bufferSize));

    /// <inheritdoc cref="NetlinkMonitor.ReceiveAsync{T}"/>
    public ValueTask<bool> ReceiveAsync(List<RtnlEvent> into, CancellationToken cancellationToken) =>
        _monitor.ReceiveAsync(into, Read, cancellationToken);

    public void Dispose() => _monitor.Dispose();

    private static void Read(in NetlinkMessage message, List<RtnlEvent> into)
    {
        bool isDeleted = IsDeletion(message.Header.Type);
        uint portId = message.Header.PortId;
        switch (message.Header.Type)
        {
            case RTM_NEWLINK or RTM_DELLINK:
                // AF_BRIDGE announces a port's state, in a message that lacks most of the link.
                if (message.Split<IfInfoMsg, LinkAttr>(out _).Family != Libc.AF_BRIDGE
                    && LinkReader.TryRead(message, out Link link))
                {
                    into.Add(new(RtnlEventKind.Link, isDeleted, portId) { Link = link });
                }

                break;
            case RTM_NEWADDR or RTM_DELADDR:
                if (RtnlSocket.TryReadAddress(message, out LinkAddress address))
                {
                    into.Add(new(RtnlEventKind.Address, isDeleted, portId) { Address = address });
                }

                break;
            case RTM_NEWROUTE or RTM_DELROUTE:
                if (RouteMessages.TryRead(message, out Route route))
                {
                    into.Add(new(RtnlEventKind.Route, isDeleted, portId) { Route = route });
                }

                break;
            case RTM_NEWNEXTHOP or RTM_DELNEXTHOP:
                if (Nexthop.TryRead(message, out Nexthop nexthop))
                {
                    into.Add(new(RtnlEventKind.Nexthop, isDeleted, portId) { Nexthop = nexthop });
                }

                break;
            case RTM_NEWNEIGH or RTM_DELNEIGH:
                ReadNeighbour(message, isDeleted, into);
                break;
        }
    }

    private static bool IsDeletion(ushort type) =>
        type is RTM_DELLINK or RTM_DELADDR or RTM_DELROUTE or RTM_DELNEXTHOP or RTM_DELNEIGH;

    private static void ReadNeighbour(in NetlinkMessage message, bool isDeleted, List<RtnlEvent> into)
    {
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

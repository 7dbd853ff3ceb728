// The kernel makes these routes when an address comes, and never again while it stays: who flushes the routes of a
// device takes them for good. Packets to the address itself go by the table "local", so that nothing of ours breaks at
// once; but the table is not what it was, and what others have on the device's link is not reached.

using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>The kernel's routes to the networks of the tunnel device's IPv6 addresses. (IPv4's need none.)</summary>
internal sealed class ConnectedRoutes(RtnlSocket rtnl) : ITable
{
    private const uint KernelsMetric = 256;    // IP6_RT_PRIO_ADDRCONF, linux/ipv6_route.h

    private readonly List<Route> _missing = [];
    private bool _wasLooked;    // what is missing from then on, somebody else removed

    public string Kind => "connected";

    public ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _missing.Clear();
        if (input.State.Device(is6: true) is { } device
            && (scope.IsFull || scope.Events.Any(e => IsLoss(e, device.Index))))
        {
            List<Route> there = rtnl
                .ListRoutes(new RouteFilter(Is6: true)
                {
                    OutInterface = device.Index,
                    Protocol = RouteProtocol.RTPROT_KERNEL,
                })
                .FindAll(route => IsConnected(route, device.Index));
            foreach (LinkAddress address in rtnl.ListAddresses(is6: true, device.Index))
            {
                Route wanted = new(address.Prefix.Masked)
                {
                    OutInterface = device.Index,
                    Protocol = RouteProtocol.RTPROT_KERNEL,
                    Metric = KernelsMetric,
                };
                if (HasRoute(address) && !there.Concat(_missing).Any(r => r.Destination == wanted.Destination))
                {
                    _missing.Add(wanted);
                }
            }
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken)
    {
        foreach (Route route in _missing)
        {
            try
            {
                rtnl.PrependRoute(route);
            }
            catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
            {
                // The kernel has made it meanwhile, for an address that came.
            }
        }

        IReadOnlyList<string> drifted = _wasLooked ? [.. _missing.Select(static r => r.Destination.ToString())] : [];
        _wasLooked = true;
        return ValueTask.FromResult(new TableResult(_missing.Count, drifted, []));
    }

    public ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(TableResult.Nothing);

    private static bool HasRoute(LinkAddress address) =>
        (address.Flags & (AddressFlags.IFA_F_NOPREFIXROUTE | AddressFlags.IFA_F_DADFAILED)) == 0;

    private static bool IsConnected(in Route route, int linkIndex) =>
        route.Table == RouteTable.RT_TABLE_MAIN
        && route.Protocol == RouteProtocol.RTPROT_KERNEL
        && route.OutInterface == linkIndex
        && route.Destination.Is6;

    private bool IsLoss(RtnlEvent kernelEvent, int linkIndex) =>
        kernelEvent is { Kind: RtnlEventKind.Route, IsDeleted: true }
        && kernelEvent.PortId != rtnl.PortId
        && IsConnected(kernelEvent.Route, linkIndex);
}

using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>What the kernel tells routes of one family apart by.</summary>
internal readonly record struct RouteKey(uint Table, IpPrefix Destination, uint Metric)
{
    /// <summary>A route of ours: main table, the metric that stands for none.</summary>
    public static RouteKey InMainTable(IpPrefix destination) =>
        new(RouteTable.RT_TABLE_MAIN, destination, destination.Is6 ? RouteEntry.DefaultMetricV6 : 0);

    public override string ToString() => $"{Destination}";
}

/// <summary>
/// Where a route leads. Its protocol is not part of it: a route that upstream left is as good as ours.
/// </summary>
internal readonly record struct RouteEntry(IpAddr Gateway, int OutInterface, bool IsOnlink)
{
    /// <summary>IP6_RT_PRIO_USER, linux/ipv6_route.h: what the kernel makes of metric 0.</summary>
    public const uint DefaultMetricV6 = 1024;
}

/// <summary>
/// Routes on the backend's own device of one family. Ours are those inside the network whose gateway is their base,
/// onlink: nobody else has reason to make such a route there.
/// </summary>
internal sealed class RouteStore(RtnlSocket rtnl, bool is6) : IStore<RouteKey, RouteEntry>
{
    private readonly RtnlBatch _batch = new();

    public ValueTask<Dictionary<RouteKey, RouteEntry>> ReadAsync(PlanInput input, CancellationToken cancellationToken)
    {
        Dictionary<RouteKey, RouteEntry> entries = [];
        if (input.State.Device(is6) is { } device)
        {
            foreach (Route route in rtnl.ListRoutes(new RouteFilter(is6) { OutInterface = device.Index }))
            {
                // Of several under one key the kernel uses the first, and replaces it.
                if (route.Type == RouteType.RTN_UNICAST)
                {
                    entries.TryAdd(KeyOf(route), EntryOf(route));
                }
            }
        }

        return ValueTask.FromResult(entries);
    }

    public bool IsOurs(PlanInput input, RouteKey key, RouteEntry entry)
    {
        IpPrefix network = is6 ? input.Network.IPv6Network : input.Network.Network;
        return entry.OutInterface == input.State.Device(is6)?.Index
            && entry.IsOnlink
            && entry.Gateway == key.Destination.Base
            && network.Contains(key.Destination);
    }

    public bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out RouteKey key, out RouteEntry? entry)
    {
        (key, entry) = (default, null);
        Route route = kernelEvent.Route;
        if (kernelEvent.Kind != RtnlEventKind.Route
            || kernelEvent.PortId == rtnl.PortId
            || route.Destination.Is6 != is6
            || route.Table != RouteTable.RT_TABLE_MAIN)
        {
            return false;
        }

        (key, entry) = (KeyOf(route), kernelEvent.IsDeleted ? null : EntryOf(route));
        return true;
    }

    public ValueTask<IReadOnlyList<EntryFailure<RouteKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((RouteKey key, RouteEntry entry) in entries)
        {
            _batch.ReplaceRoute(RouteOf(key, entry));
        }

        IReadOnlyList<BatchFailure> failures = rtnl.Execute(_batch);
        List<KeyValuePair<RouteKey, RouteEntry>> obstructed =
            [.. failures.Where(static f => IsObstructed(f.Errno)).Select(f => entries[f.Index])];
        return ValueTask.FromResult<IReadOnlyList<EntryFailure<RouteKey>>>(
        [
            .. BatchReport.Of([.. failures.Where(static f => !IsObstructed(f.Errno))], "replace route", entries),
            .. obstructed.Count == 0 ? [] : ClearAndAdd(obstructed),
        ]);
    }

    public ValueTask<IReadOnlyList<EntryFailure<RouteKey>>> DeleteAsync(
        IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((RouteKey key, RouteEntry entry) in entries)
        {
            _batch.DeleteRoute(Whichever(RouteOf(key, entry)));
        }

        return ValueTask.FromResult(BatchReport.OfDeletion(rtnl.Execute(_batch), "delete route", entries));
    }

    // EINVAL: IPv6 takes no gateway that a route leads to through another device, as one that stands under our own key
    // does. EEXIST: IPv4 replaces the first route under a key, but not by one that stands behind it.
    private static bool IsObstructed(Errno errno) => errno is Errno.EINVAL or Errno.EEXIST;

    private IReadOnlyList<EntryFailure<RouteKey>> ClearAndAdd(List<KeyValuePair<RouteKey, RouteEntry>> entries)
    {
        _batch.Clear();
        foreach ((RouteKey key, _) in entries)
        {
            _batch.DeleteRoute(Whichever(new Route(key.Destination) { Table = key.Table, Metric = key.Metric }));
        }

        _ = rtnl.Execute(_batch);    // none there is as good
        _batch.Clear();
        foreach ((RouteKey key, RouteEntry entry) in entries)
        {
            _batch.ReplaceRoute(RouteOf(key, entry));
        }

        return BatchReport.Of(rtnl.Execute(_batch), "replace route", entries);
    }

    private static RouteKey KeyOf(in Route route) => new(route.Table, route.Destination, route.Metric);

    private static RouteEntry EntryOf(in Route route) => new(route.Gateway, route.OutInterface, route.IsOnlink);

    // For a deletion: protocol and scope must match where they are named.
    private static Route Whichever(in Route route) =>
        route with { Protocol = RouteProtocol.RTPROT_UNSPEC, Scope = RouteScope.RT_SCOPE_NOWHERE };

    private static Route RouteOf(RouteKey key, RouteEntry entry) => new(key.Destination)
    {
        Table = key.Table,
        Metric = key.Metric,
        Gateway = entry.Gateway,
        OutInterface = entry.OutInterface,
        IsOnlink = entry.IsOnlink,
    };
}

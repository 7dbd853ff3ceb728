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

    /// <summary>The nexthop object it goes through, which says the rest; 0: none.</summary>
    public uint NexthopId { get; init; }
}

/// <summary>
/// Routes on the backend's own device of one family. Ours are those inside the network whose gateway is their base,
/// onlink: nobody else has reason to make such a route there.
/// </summary>
/// <param name="nexthops">What routes may go through; null: they are plain.</param>
internal sealed class RouteStore(RtnlSocket rtnl, bool is6, NexthopStore? nexthops) : IStore<RouteKey, RouteEntry>
{
    private readonly EntryWriter _writer = new(rtnl);

    public ValueTask ReadAsync(
        PlanInput input, IEntryReader<RouteKey, RouteEntry> reader, CancellationToken cancellationToken)
    {
        reader.Restart();
        if (input.State.Device(is6) is { } device)
        {
            rtnl.ListRoutes(
                new RouteFilter(is6) { OutInterface = device.Index }, new DumpReader(this, input, reader));
        }

        return ValueTask.CompletedTask;
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

        (key, entry) = (KeyOf(route), kernelEvent.IsDeleted ? null : EntryOf(input, route));
        return true;
    }

    public bool CannotBeTrusted(PlanInput input, in RtnlEvent kernelEvent) =>
        nexthops is not null && nexthops.IsChangeOfOurs(input, kernelEvent);

    public ValueTask<IReadOnlyList<EntryFailure<RouteKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries, CancellationToken cancellationToken)
    {
        IReadOnlyList<BatchFailure> failures = _writer.Write(
            entries, (batch, key, entry) => batch.ReplaceRoute(RouteOf(key, entry)));
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
        IReadOnlyList<BatchFailure> failures = Delete(entries);
        if (nexthops is null || failures.Count == 0)
        {
            return ValueTask.FromResult(BatchReport.OfDeletion(failures, "delete route", entries));
        }

        // A route is deleted only in the form it has, which may have changed since we saw it.
        List<KeyValuePair<RouteKey, RouteEntry>> missed =
            [.. failures.Where(static f => f.Errno is Errno.ESRCH).Select(f => InOtherForm(entries[f.Index]))];
        return ValueTask.FromResult<IReadOnlyList<EntryFailure<RouteKey>>>(
        [
            .. BatchReport.OfDeletion(failures, "delete route", entries),
            .. BatchReport.OfDeletion(Delete(missed), "delete route", missed),
        ]);
    }

    private IReadOnlyList<BatchFailure> Delete(IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries) =>
        _writer.Write(entries, (batch, key, entry) => batch.DeleteRoute(Whichever(RouteOf(key, entry))));

    private static KeyValuePair<RouteKey, RouteEntry> InOtherForm(KeyValuePair<RouteKey, RouteEntry> route) => new(
        route.Key,
        route.Value with { NexthopId = route.Value.NexthopId == 0 ? NexthopKey.Of(route.Value.Gateway).Id : 0 });

    // EINVAL: IPv6 takes no gateway that a route leads to through another device, as one that stands under our own key
    // does. EEXIST: IPv4 replaces the first route under a key, but not by one that stands behind it.
    private static bool IsObstructed(Errno errno) => errno is Errno.EINVAL or Errno.EEXIST;

    private IReadOnlyList<EntryFailure<RouteKey>> ClearAndAdd(List<KeyValuePair<RouteKey, RouteEntry>> entries)
    {
        _ = _writer.Write(entries, static (batch, key, _) => batch.DeleteRoute(Whichever(
            new Route(key.Destination) { Table = key.Table, Metric = key.Metric })));    // none there is as good
        IReadOnlyList<BatchFailure> failures = _writer.Write(
            entries, (batch, key, entry) => batch.ReplaceRoute(RouteOf(key, entry)));
        return BatchReport.Of(failures, "replace route", entries);
    }

    private static RouteKey KeyOf(in Route route) => new(route.Table, route.Destination, route.Metric);

    private RouteEntry EntryOf(PlanInput input, in Route route)
    {
        RouteEntry entry = new(route.Gateway, route.OutInterface, route.IsOnlink) { NexthopId = route.NexthopId };
        if (nexthops is null || !input.UsesNexthops)
        {
            return entry;
        }

        if (route is { NexthopId: not 0, Gateway.IsNone: true, OutInterface: 0 } && nexthops.IsUsable(route.NexthopId))
        {
            // net.ipv4.nexthop_compat_mode is 0, and what the object says is left out.
            return new RouteEntry(
                new NexthopKey(route.NexthopId).Gateway, input.State.Device(is6)?.Index ?? 0, IsOnlink: true)
            {
                NexthopId = route.NexthopId,
            };
        }

        // A plain route whose nexthop cannot be had is as good as it can be.
        uint id = NexthopKey.Of(entry.Gateway).Id;
        return entry.NexthopId == 0 && !nexthops.IsUsable(id) ? entry with { NexthopId = id } : entry;
    }

    // For a deletion: protocol and scope must match where they are named.
    private static Route Whichever(in Route route) =>
        route with { Protocol = RouteProtocol.RTPROT_UNSPEC, Scope = RouteScope.RT_SCOPE_NOWHERE };

    private Route RouteOf(RouteKey key, RouteEntry entry)
    {
        Route route = new(key.Destination) { Table = key.Table, Metric = key.Metric };
        return entry.NexthopId != 0 && nexthops is not null && nexthops.IsUsable(entry.NexthopId)
            ? route with { NexthopId = entry.NexthopId }
            : route with { Gateway = entry.Gateway, OutInterface = entry.OutInterface, IsOnlink = entry.IsOnlink };
    }

    private sealed class DumpReader(
        RouteStore store, PlanInput input, IEntryReader<RouteKey, RouteEntry> reader) : IDumpReader<Route>
    {
        public void Restart() => reader.Restart();

        public void Read(in Route route)
        {
            // Of several under one key the kernel uses the first, and replaces it.
            if (route.Type == RouteType.RTN_UNICAST)
            {
                reader.Read(KeyOf(route), store.EntryOf(input, route));
            }
        }
    }
}

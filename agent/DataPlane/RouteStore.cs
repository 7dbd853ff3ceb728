// One store for the routes through a tunnel and those over the underlay, because the kernel has one table for both: a
// peer that moves from the one to the other is one replace of one key, and no packet is without a way.
//
// A route to a peer's subnet in the main table, without a metric of its own, is ours to set: the lease says where the
// subnet is. What else there is, to other subnets, of other metrics, behind ours or in other tables, is foreign until
// proven ours: by the protocol number, or by the shape that only flannel's routes on its own device have.

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

/// <summary>Where a route leads, and who made it.</summary>
internal readonly record struct RouteEntry(
    IpAddr Gateway, int OutInterface, bool IsOnlink, RouteProtocol Protocol)
{
    /// <summary>IP6_RT_PRIO_USER, linux/ipv6_route.h: what the kernel makes of metric 0.</summary>
    public const uint DefaultMetricV6 = 1024;

    /// <summary>Of our routes on the underlay; docs/decisions/0011-routes-of-our-own.md says why this one.</summary>
    public const RouteProtocol OwnProtocol = (RouteProtocol)244;

    /// <summary>Through the backend's own device, where the subnet's base is the far end: as upstream's are.</summary>
    public static RouteEntry ThroughTunnel(IpPrefix subnet, int linkIndex) =>
        new(subnet.Base, linkIndex, IsOnlink: true, RouteProtocol.RTPROT_BOOT);

    /// <summary>Over the external interface, whose link the gateway is on.</summary>
    public static RouteEntry OverUnderlay(IpAddr gateway, int linkIndex) =>
        new(gateway, linkIndex, IsOnlink: false, OwnProtocol);

    /// <summary>The nexthop object it goes through, which says the rest; 0: none.</summary>
    public uint NexthopId { get; init; }

    public override string ToString() => $"via {Gateway} proto {(byte)Protocol}";
}

/// <summary>The main table's routes of one family to the pods' network.</summary>
/// <param name="nexthops">What routes may go through; null: they are plain.</param>
internal sealed class RouteStore(RtnlSocket rtnl, bool is6, NexthopStore? nexthops) : IStore<RouteKey, RouteEntry>
{
    private readonly EntryWriter _writer = new(rtnl);

    // IPv6 routes that refuse packets and stand in front under their key, where a replacement leaves them. By device.
    private readonly Dictionary<RouteKey, int> _refusing = [];

    public ValueTask ReadAsync(
        PlanInput input, IEntryReader<RouteKey, RouteEntry> reader, CancellationToken cancellationToken)
    {
        rtnl.ListRoutes(new RouteFilter(is6), new DumpReader(this, input, reader));
        return ValueTask.CompletedTask;
    }

    public EntryOwner OwnerOf(PlanInput input, RouteKey key, RouteEntry entry) =>
        entry.Protocol == RouteEntry.OwnProtocol || IsThroughTunnel(input, key.Destination, entry) ? EntryOwner.Us
        : LooksLikeUpstreams(input, key, entry) ? EntryOwner.PerhapsUpstream
        : EntryOwner.Foreign;

    public bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out RouteKey key, out RouteEntry? entry)
    {
        (key, entry) = (default, null);
        Route route = kernelEvent.Route;
        if (kernelEvent.Kind != RtnlEventKind.Route
            || kernelEvent.PortId == rtnl.PortId
            || !IsToPods(input, route))
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
        DeleteRefusing(entries);
        IReadOnlyList<BatchFailure> failures = Replace(entries);
        List<KeyValuePair<RouteKey, RouteEntry>> obstructed =
            [.. failures.Where(f => IsObstructed(entries[f.Index], f.Errno)).Select(f => entries[f.Index])];
        IEnumerable<BatchFailure> refused = failures.Where(f => !IsObstructed(entries[f.Index], f.Errno));
        return ValueTask.FromResult<IReadOnlyList<EntryFailure<RouteKey>>>(
        [
            .. BatchReport.Of([.. refused], "replace route", entries),
            .. obstructed.Count == 0 ? [] : MakeWayAndReplace(obstructed),
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

    private IReadOnlyList<BatchFailure> Replace(IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries) =>
        _writer.Write(entries, (batch, key, entry) => batch.ReplaceRoute(RouteOf(key, entry)));

    private IReadOnlyList<BatchFailure> Delete(IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries) =>
        _writer.Write(entries, (batch, key, entry) => batch.DeleteRoute(Whichever(RouteOf(key, entry))));

    // What fails here stays, and is met again.
    private void DeleteRefusing(IReadOnlyList<KeyValuePair<RouteKey, RouteEntry>> entries)
    {
        if (_refusing.Count > 0)
        {
            _ = _writer.Write(
                [.. entries.Where(entry => _refusing.ContainsKey(entry.Key))],
                (batch, key, _) => batch.DeleteRoute(Whichever(
                    new Route(key.Destination) { Metric = key.Metric, OutInterface = _refusing[key] })));
        }
    }

    private static KeyValuePair<RouteKey, RouteEntry> InOtherForm(KeyValuePair<RouteKey, RouteEntry> route) => new(
        route.Key,
        route.Value with { NexthopId = route.Value.NexthopId == 0 ? NexthopKey.Of(route.Value.Gateway).Id : 0 });

    // IPv4 replaces the first route under a key, but not by one that stands behind it. IPv6 takes no onlink gateway
    // that a route leads to through another device, as one that stands under our own key does.
    private static bool IsObstructed(KeyValuePair<RouteKey, RouteEntry> entry, Errno errno) =>
        entry.Key.Destination.Is6 ? errno is Errno.EINVAL && entry.Value.IsOnlink : errno is Errno.EEXIST;

    private IReadOnlyList<EntryFailure<RouteKey>> MakeWayAndReplace(List<KeyValuePair<RouteKey, RouteEntry>> entries)
    {
        // What fails here fails again below.
        _ = is6
            ? _writer.Write(entries, static (batch, _, entry) => batch.ReplaceRoute(SteppingStone(entry)))
            : _writer.Write(entries, static (batch, key, _) => batch.DeleteRoute(Whichever(
                new Route(key.Destination) { Table = key.Table, Metric = key.Metric })));
        IReadOnlyList<BatchFailure> failures = Replace(entries);
        if (is6)
        {
            // One that stays is ours by its protocol, and goes with the next full run.
            _ = _writer.Write(entries, static (batch, _, entry) => batch.DeleteRoute(SteppingStone(entry)));
        }

        return BatchReport.Of(failures, "replace route", entries);
    }

    // While it lies there the way to the gateway is through the right device, and no packet misses the route that has
    // been in the way.
    private static Route SteppingStone(RouteEntry entry) => new(IpPrefix.Host(entry.Gateway))
    {
        OutInterface = entry.OutInterface,
        Protocol = RouteEntry.OwnProtocol,
    };

    // Strictly inside: whoever has a route to the whole network means something else by it.
    private bool IsToPods(PlanInput input, in Route route)
    {
        IpPrefix network = input.NetworkOf(is6);
        return route.Table == RouteTable.RT_TABLE_MAIN
            && network.Contains(route.Destination)
            && network.Length < route.Destination.Length;
    }

    // What flannel makes on its own device, upstream's too: nobody else has reason to make such a route there.
    private bool IsThroughTunnel(PlanInput input, IpPrefix destination, RouteEntry entry) =>
        input.State.Device(is6) is { } device
        && entry with { NexthopId = 0 } == RouteEntry.ThroughTunnel(destination, device.Index);

    // Upstream's routes over the underlay are like those that an administrator makes by hand.
    private bool LooksLikeUpstreams(PlanInput input, RouteKey key, RouteEntry entry) =>
        entry.Protocol == RouteProtocol.RTPROT_BOOT
        && !entry.Gateway.IsNone
        && entry.OutInterface == input.Underlay.Index
        && key == RouteKey.InMainTable(key.Destination)
        && !key.Destination.Overlaps(input.OwnSubnet(is6));

    // Through the tunnel the shape says whose it is, so that no other protocol makes a route another. One that refuses
    // packets is nobody's of flannel.
    private RouteEntry EntryOf(PlanInput input, in Route route)
    {
        if (route.Type != RouteType.RTN_UNICAST)
        {
            return new RouteEntry(default, route.OutInterface, IsOnlink: false, RouteProtocol.RTPROT_UNSPEC);
        }

        RouteEntry entry = new(route.Gateway, route.OutInterface, route.IsOnlink, RouteProtocol.RTPROT_BOOT);
        if (nexthops is not null && input.UsesNexthops)
        {
            entry = WithNexthop(input, entry, route.NexthopId);
        }
        else
        {
            entry = entry with { NexthopId = route.NexthopId };
        }

        return IsThroughTunnel(input, route.Destination, entry) ? entry : entry with { Protocol = route.Protocol };
    }

    private RouteEntry WithNexthop(PlanInput input, RouteEntry entry, uint nexthopId)
    {
        if (nexthopId == 0)
        {
            // A plain route whose nexthop cannot be had is as good as it can be.
            uint id = NexthopKey.Of(entry.Gateway).Id;
            return nexthops!.IsUsable(id) ? entry : entry with { NexthopId = id };
        }

        // Where net.ipv4.nexthop_compat_mode is 0, what the object says is left out.
        bool isSaid = !entry.Gateway.IsNone || entry.OutInterface != 0;
        return isSaid || input.State.Device(is6) is not { } device || !nexthops!.IsUsable(nexthopId)
            ? entry with { NexthopId = nexthopId }
            : new RouteEntry(
                new NexthopKey(nexthopId).Gateway, device.Index, IsOnlink: true, RouteProtocol.RTPROT_BOOT)
            {
                NexthopId = nexthopId,
            };
    }

    private static RouteKey KeyOf(in Route route) => new(route.Table, route.Destination, route.Metric);

    // For a deletion: protocol and scope must match where they are named.
    private static Route Whichever(in Route route) =>
        route with { Protocol = RouteProtocol.RTPROT_UNSPEC, Scope = RouteScope.RT_SCOPE_NOWHERE };

    private Route RouteOf(RouteKey key, RouteEntry entry)
    {
        Route route = new(key.Destination) { Table = key.Table, Metric = key.Metric, Protocol = entry.Protocol };
        return entry.NexthopId != 0 && nexthops is not null && nexthops.IsUsable(entry.NexthopId)
            ? route with { NexthopId = entry.NexthopId }
            : route with { Gateway = entry.Gateway, OutInterface = entry.OutInterface, IsOnlink = entry.IsOnlink };
    }

    private sealed class DumpReader(
        RouteStore store, PlanInput input, IEntryReader<RouteKey, RouteEntry> reader) : IDumpReader<Route>
    {
        private RouteKey _last;

        public void Restart()
        {
            reader.Restart();
            store._refusing.Clear();
        }

        public void Read(in Route route)
        {
            // Of several under one key, which come together, the kernel uses the first: one that refuses packets, too.
            if (store.IsToPods(input, route))
            {
                RouteKey key = KeyOf(route);
                if (route.Destination.Is6 && route.Type != RouteType.RTN_UNICAST && key != _last)
                {
                    store._refusing[key] = route.OutInterface;
                }

                _last = key;
                reader.Read(key, store.EntryOf(input, route));
            }
        }
    }
}

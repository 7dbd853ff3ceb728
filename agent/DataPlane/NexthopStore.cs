// Nexthop objects have one number space for all who make them. Ours are numbered by their own gateway address, which is
// nobody else's: a pod network is used once on a host, and others count from 1. Should somebody have taken such a
// number all the same, it is left to them, and that peer's route keeps the plain form.
//
// The kernel removes a device's nexthops without a word when the device goes down or away, and with a nexthop the IPv4
// routes through it.

using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>A nexthop's number.</summary>
internal readonly record struct NexthopKey(uint Id)
{
    /// <summary>Of ours: the IPv4 gateway as a number.</summary>
    public static NexthopKey Of(IpAddr gateway) => new((uint)gateway.ToUInt128());

    public IpAddr Gateway => IpAddr.FromUInt32(Id);

    public override string ToString() => $"{Gateway}";
}

internal readonly record struct NexthopEntry(IpAddr Gateway, int OutInterface, bool IsOnlink);

/// <summary>Nexthop objects on the backend's own IPv4 device, one a peer, for its route to go through.</summary>
internal sealed class NexthopStore(RtnlSocket rtnl) : IStore<NexthopKey, NexthopEntry>
{
    private readonly EntryWriter _writer = new(rtnl);

    // Numbers that others hold, or whose nexthop the kernel refused: routes do without these.
    private readonly HashSet<uint> _unusable = [];

    /// <summary>May a route be led through it?</summary>
    internal bool IsUsable(uint id) => !_unusable.Contains(id);

    public ValueTask ReadAsync(
        PlanInput input, IEntryReader<NexthopKey, NexthopEntry> reader, CancellationToken cancellationToken)
    {
        reader.Restart();
        if (input.State.Nexthops == NexthopObjects.Never || input.State.Device(is6: false) is not { } device)
        {
            return ValueTask.CompletedTask;
        }

        rtnl.ListNexthops(device.Index, new DumpReader(reader));
        _unusable.RemoveWhere(id => rtnl.FindNexthop(id) is not { } other || other.OutInterface == device.Index);
        foreach (uint id in _unusable)
        {
            // As good as there: it is not to be written.
            NexthopKey key = new(id);
            reader.Read(key, new NexthopEntry(key.Gateway, device.Index, IsOnlink: true));
        }

        return ValueTask.CompletedTask;
    }

    public EntryOwner OwnerOf(PlanInput input, NexthopKey key, NexthopEntry entry) =>
        IsUsable(key.Id)
        && entry.IsOnlink
        && entry.Gateway == key.Gateway
        && entry.OutInterface == input.State.Device(is6: false)?.Index
        && input.NetworkOf(is6: false).Contains(key.Gateway)
            ? EntryOwner.Us
            : EntryOwner.Foreign;

    public bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out NexthopKey key, out NexthopEntry? entry)
    {
        (key, entry) = (default, null);
        if (!IsOthersDoing(kernelEvent))
        {
            return false;
        }

        Nexthop nexthop = kernelEvent.Nexthop;
        (key, entry) = (KeyOf(nexthop), kernelEvent.IsDeleted ? null : EntryOf(nexthop));
        return true;
    }

    /// <summary>Somebody changed a nexthop of ours, and with it the routes through it.</summary>
    internal bool IsChangeOfOurs(PlanInput input, in RtnlEvent kernelEvent) =>
        input.UsesNexthops
        && IsOthersDoing(kernelEvent)
        && input.NetworkOf(is6: false).Contains(KeyOf(kernelEvent.Nexthop).Gateway);

    public ValueTask<IReadOnlyList<EntryFailure<NexthopKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<NexthopKey, NexthopEntry>> entries, CancellationToken cancellationToken)
    {
        IReadOnlyList<BatchFailure> refused = _writer.Write(
            entries, static (batch, key, entry) => batch.AddNexthop(NexthopOf(key, entry)));
        List<KeyValuePair<NexthopKey, NexthopEntry>> altered = [];
        foreach (BatchFailure failure in refused)
        {
            (NexthopKey key, NexthopEntry entry) = entries[failure.Index];
            if (failure.Errno is Errno.EEXIST && rtnl.FindNexthop(key.Id)?.OutInterface == entry.OutInterface)
            {
                altered.Add(entries[failure.Index]);
            }
            else
            {
                _unusable.Add(key.Id);
            }
        }

        IReadOnlyList<BatchFailure> failures = _writer.Write(
            altered, static (batch, key, entry) => batch.ReplaceNexthop(NexthopOf(key, entry)));
        _unusable.UnionWith(failures.Select(failure => altered[failure.Index].Key.Id));
        return ValueTask.FromResult<IReadOnlyList<EntryFailure<NexthopKey>>>(
        [
            .. BatchReport.Of(
                [.. refused.Where(static f => f.Errno is not Errno.EEXIST)], "add nexthop", entries),
            .. BatchReport.Of(failures, "replace nexthop", altered),
        ]);
    }

    public ValueTask<IReadOnlyList<EntryFailure<NexthopKey>>> DeleteAsync(
        IReadOnlyList<KeyValuePair<NexthopKey, NexthopEntry>> entries, CancellationToken cancellationToken)
    {
        List<KeyValuePair<NexthopKey, NexthopEntry>> ours = [.. entries.Where(entry => IsUsable(entry.Key.Id))];
        return ValueTask.FromResult(BatchReport.OfDeletion(
            _writer.Write(ours, static (batch, key, _) => batch.DeleteNexthop(key.Id)), "delete nexthop", ours));
    }

    private bool IsOthersDoing(in RtnlEvent kernelEvent) =>
        kernelEvent.Kind == RtnlEventKind.Nexthop && kernelEvent.PortId != rtnl.PortId;

    private static NexthopKey KeyOf(in Nexthop nexthop) => new(nexthop.Id);

    private static NexthopEntry EntryOf(in Nexthop nexthop) =>
        new(nexthop.Gateway, nexthop.OutInterface, nexthop.IsOnlink);

    private static Nexthop NexthopOf(NexthopKey key, NexthopEntry entry) =>
        new(key.Id, entry.Gateway, entry.OutInterface)
        {
            IsOnlink = entry.IsOnlink,
            Protocol = RouteEntry.OwnProtocol,
        };

    private sealed class DumpReader(IEntryReader<NexthopKey, NexthopEntry> reader) : IDumpReader<Nexthop>
    {
        public void Restart() => reader.Restart();

        public void Read(in Nexthop nexthop) => reader.Read(KeyOf(nexthop), EntryOf(nexthop));
    }
}

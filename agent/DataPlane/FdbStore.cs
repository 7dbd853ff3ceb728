using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

internal readonly record struct FdbKey(int LinkIndex, MacAddress Mac)
{
    public override string ToString() => $"{Mac}";
}

/// <summary>Where frames to a MAC are sent.</summary>
internal readonly record struct FdbDestination(IpAddr Address, bool IsPermanent)
{
    /// <summary>UDP port; 0: the device's, as ours all have.</summary>
    public ushort Port { get; init; }

    /// <summary>0: the device's, as ours all have.</summary>
    public uint Vni { get; init; }
}

/// <summary>
/// Forwarding entries of the backend's own VXLAN device. Ours are the permanent ones of a unicast MAC; the entry of the
/// zero MAC is where somebody floods to.
/// </summary>
internal sealed class FdbStore(RtnlSocket rtnl, bool is6) : IStore<FdbKey, FdbDestination>
{
    private readonly RtnlBatch _batch = new();

    public ValueTask<Dictionary<FdbKey, FdbDestination>> ReadAsync(PlanInput input, CancellationToken cancellationToken)
    {
        Dictionary<FdbKey, FdbDestination> entries = [];
        if (input.State.Device(is6) is { } device)
        {
            foreach (FdbEntry entry in rtnl.ListFdb(device.Index))
            {
                if (IsTunnelEntry(entry))
                {
                    entries[KeyOf(entry)] = EntryOf(entry);
                }
            }
        }

        return ValueTask.FromResult(entries);
    }

    public EntryOwner OwnerOf(PlanInput input, FdbKey key, FdbDestination entry) =>
        entry.IsPermanent && key.Mac.IsUnicast ? EntryOwner.Us : EntryOwner.Foreign;

    public bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out FdbKey key, out FdbDestination? entry)
    {
        (key, entry) = (default, null);
        FdbEntry fdb = kernelEvent.Fdb;
        if (kernelEvent.Kind != RtnlEventKind.Fdb
            || !IsTunnelEntry(fdb)
            || fdb.LinkIndex != input.State.Device(is6)?.Index)
        {
            return false;
        }

        (key, entry) = (KeyOf(fdb), kernelEvent.IsDeleted ? null : EntryOf(fdb));
        return true;
    }

    public ValueTask<IReadOnlyList<EntryFailure<FdbKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<FdbKey, FdbDestination>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((FdbKey key, FdbDestination entry) in entries)
        {
            _batch.ReplaceFdbEntry(new FdbEntry(key.LinkIndex, key.Mac, entry.Address));
        }

        return ValueTask.FromResult(BatchReport.Of(rtnl.Execute(_batch), "replace fdb entry", entries));
    }

    public ValueTask<IReadOnlyList<EntryFailure<FdbKey>>> DeleteAsync(
        IReadOnlyList<KeyValuePair<FdbKey, FdbDestination>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((FdbKey key, FdbDestination entry) in entries)
        {
            _batch.DeleteFdbEntry(new FdbEntry(key.LinkIndex, key.Mac, entry.Address));
        }

        return ValueTask.FromResult(BatchReport.OfDeletion(rtnl.Execute(_batch), "delete fdb entry", entries));
    }

    // As a bridge's port the device has entries of the bridge too, which have no destination.
    private static bool IsTunnelEntry(in FdbEntry entry) => !entry.Destination.IsNone && entry.MasterIndex == 0;

    private static FdbKey KeyOf(in FdbEntry entry) => new(entry.LinkIndex, entry.Mac);

    private static FdbDestination EntryOf(in FdbEntry entry) =>
        new(entry.Destination, (entry.State & NeighbourState.NUD_PERMANENT) != 0)
        {
            Port = entry.Port,
            Vni = entry.Vni,
        };
}

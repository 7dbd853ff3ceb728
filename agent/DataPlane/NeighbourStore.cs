using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

internal readonly record struct NeighbourKey(int LinkIndex, IpAddr Address)
{
    public override string ToString() => $"{Address}";
}

internal readonly record struct NeighbourEntry(MacAddress Mac, bool IsPermanent);

/// <summary>
/// Permanent neighbours on the backend's own device of one family. Ours are those at an address inside the network; the
/// kernel itself makes none that are permanent.
/// </summary>
internal sealed class NeighbourStore(RtnlSocket rtnl, bool is6) : IStore<NeighbourKey, NeighbourEntry>
{
    private readonly RtnlBatch _batch = new();

    public ValueTask<Dictionary<NeighbourKey, NeighbourEntry>> ReadAsync(
        PlanInput input, CancellationToken cancellationToken)
    {
        Dictionary<NeighbourKey, NeighbourEntry> entries = [];
        if (input.State.Device(is6) is { } device)
        {
            foreach (Neighbour neighbour in rtnl.ListNeighbours(is6, device.Index))
            {
                entries[KeyOf(neighbour)] = EntryOf(neighbour);
            }
        }

        return ValueTask.FromResult(entries);
    }

    /// <remarks>A subnet's base is no pod's address: whatever is permanent there was a VTEP's.</remarks>
    public EntryOwner OwnerOf(PlanInput input, NeighbourKey key, NeighbourEntry entry) =>
        entry.IsPermanent
        && input.NetworkOf(is6).Contains(key.Address)
        && new IpPrefix(key.Address, input.OwnSubnet(is6).Length).IsMasked
            ? EntryOwner.Us
            : EntryOwner.Foreign;

    public bool TryRead(
        PlanInput input, in RtnlEvent kernelEvent, out NeighbourKey key, out NeighbourEntry? entry)
    {
        (key, entry) = (default, null);
        Neighbour neighbour = kernelEvent.Neighbour;
        if (kernelEvent.Kind != RtnlEventKind.Neighbour
            || kernelEvent.PortId == rtnl.PortId
            || (neighbour.Flags & NeighbourFlags.NTF_PROXY) != 0
            || neighbour.Address.Is6 != is6
            || neighbour.LinkIndex != input.State.Device(is6)?.Index)
        {
            return false;
        }

        (key, entry) = (KeyOf(neighbour), kernelEvent.IsDeleted ? null : EntryOf(neighbour));
        return true;
    }

    public ValueTask<IReadOnlyList<EntryFailure<NeighbourKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<NeighbourKey, NeighbourEntry>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((NeighbourKey key, NeighbourEntry entry) in entries)
        {
            _batch.ReplaceNeighbour(new Neighbour(key.LinkIndex, key.Address, entry.Mac));
        }

        return ValueTask.FromResult(BatchReport.Of(rtnl.Execute(_batch), "replace neighbour", entries));
    }

    public ValueTask<IReadOnlyList<EntryFailure<NeighbourKey>>> DeleteAsync(
        IReadOnlyList<KeyValuePair<NeighbourKey, NeighbourEntry>> entries, CancellationToken cancellationToken)
    {
        _batch.Clear();
        foreach ((NeighbourKey key, NeighbourEntry entry) in entries)
        {
            _batch.DeleteNeighbour(new Neighbour(key.LinkIndex, key.Address, entry.Mac));
        }

        return ValueTask.FromResult(BatchReport.OfDeletion(rtnl.Execute(_batch), "delete neighbour", entries));
    }

    private static NeighbourKey KeyOf(in Neighbour neighbour) => new(neighbour.LinkIndex, neighbour.Address);

    private static NeighbourEntry EntryOf(in Neighbour neighbour) =>
        new(neighbour.Mac, (neighbour.State & NeighbourState.NUD_PERMANENT) != 0);
}

using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>An entry that a peer needs.</summary>
internal readonly record struct Planned<TKey, TEntry>(TKey Key, TEntry Entry)
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>;

/// <summary>The entry of one table that a peer needs; null: none. Pure: no kernel, no clock.</summary>
internal delegate Planned<TKey, TEntry>? PeerPlan<TKey, TEntry>(Peer peer, PlanInput input)
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>;

/// <summary>
/// Keeps a store equal to a plan. Nothing is remembered of what the store holds: a full run reads it, and so does one
/// with a notification that contradicts the plan, because a notification may be older than our last write. Peers that
/// plan one key plan one entry: admission has seen to it.
/// </summary>
internal sealed class EntryTable<TKey, TEntry>(
    string kind, PeerPlan<TKey, TEntry> plan, IStore<TKey, TEntry> store) : ITable
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>
{
    private const int MaxNamedSuspects = 3;

    private readonly Dictionary<PeerKey, TKey> _keyOfPeer = [];
    private readonly Dictionary<TKey, int> _sharers = [];       // peers of a key beyond the first

    // Whose plan this run changed, and what it was; null: nothing.
    private readonly Dictionary<TKey, TEntry?> _changed = [];
    private readonly Dictionary<TKey, TEntry> _upserts = [];
    private readonly Dictionary<TKey, TEntry> _deletes = [];
    private readonly HashSet<TKey> _drifted = [];
    private readonly HashSet<TKey> _pending = [];               // a changed plan that the store refused so far
    private readonly HashSet<TKey> _reported = [];              // left alone, and said so
    private readonly List<string> _suspects = [];
    private Dictionary<TKey, TEntry> _wanted = [];
    private Dictionary<TKey, TEntry> _spare = [];
    private bool _wasCompared;    // what is foreign to the plan from now on, somebody else put there

    public string Kind => kind;

    public async ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _changed.Clear();
        _upserts.Clear();
        _deletes.Clear();
        _drifted.Clear();
        _suspects.Clear();
        if (scope.IsFull)
        {
            PlanAll(input, scope.Peers);
        }
        else
        {
            PlanChanged(input, scope);
        }

        if (scope.IsFull || scope.Events.Any(kernelEvent => IsContradiction(input, kernelEvent)))
        {
            CompareWith(input, await store.ReadAsync(input, cancellationToken));
            _wasCompared = true;
        }
        else
        {
            TrustTheStore();
        }
    }

    public async ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken) => _upserts.Count == 0
        ? TableResult.Nothing
        : Report(_upserts, await store.UpsertAsync([.. _upserts], cancellationToken));

    public async ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken)
    {
        TableResult result = _deletes.Count == 0
            ? TableResult.Nothing
            : Report(_deletes, await store.DeleteAsync([.. _deletes], cancellationToken));
        return _suspects.Count == 0 ? result : result with { Warnings = [SuspectsLine()] };
    }

    private void PlanAll(PlanInput input, IReadOnlyDictionary<PeerKey, Peer> peers)
    {
        (_wanted, _spare) = (_spare, _wanted);
        _wanted.Clear();
        _keyOfPeer.Clear();
        _sharers.Clear();
        foreach (Peer peer in peers.Values)
        {
            Want(peer, input);
        }

        foreach ((TKey key, TEntry old) in _spare)
        {
            NoteChange(key, old);
        }

        foreach (TKey key in _wanted.Keys)
        {
            if (!_spare.ContainsKey(key))
            {
                _changed[key] = null;
            }
        }
    }

    private void PlanChanged(PlanInput input, SyncScope scope)
    {
        Dictionary<TKey, TEntry?> before = [];
        foreach (PeerKey peer in scope.ChangedPeers)
        {
            if (_keyOfPeer.Remove(peer, out TKey key) && !LeaveToSharers(key) && _wanted.Remove(key, out TEntry old))
            {
                before[key] = old;
            }
        }

        // After all removals: a subnet may have gone from one peer to another.
        foreach (PeerKey peerKey in scope.ChangedPeers)
        {
            if (scope.Peers.TryGetValue(peerKey, out Peer? peer) && Want(peer, input) is { } key)
            {
                before.TryAdd(key, null);
            }
        }

        foreach ((TKey key, TEntry? old) in before)
        {
            NoteChange(key, old);
        }
    }

    private TKey? Want(Peer peer, PlanInput input)
    {
        if (plan(peer, input) is not { } planned)
        {
            return null;
        }

        _keyOfPeer[peer.Key] = planned.Key;
        if (!_wanted.TryAdd(planned.Key, planned.Entry))
        {
            _sharers[planned.Key] = _sharers.GetValueOrDefault(planned.Key) + 1;
            return null;
        }

        return planned.Key;
    }

    private bool LeaveToSharers(TKey key)
    {
        if (!_sharers.TryGetValue(key, out int others))
        {
            return false;
        }

        if (others == 1)
        {
            _sharers.Remove(key);
        }
        else
        {
            _sharers[key] = others - 1;
        }

        return true;
    }

    private void NoteChange(TKey key, TEntry? old)
    {
        bool isSame = _wanted.TryGetValue(key, out TEntry wanted) && old is { } entry && entry.Equals(wanted);
        if (!isSame)
        {
            _changed[key] = old;
        }
    }

    private bool IsContradiction(PlanInput input, in RtnlEvent kernelEvent)
    {
        if (!store.TryRead(input, kernelEvent, out TKey key, out TEntry? now))
        {
            return false;
        }

        return _wanted.TryGetValue(key, out TEntry wanted)
            ? now is not { } there || !there.Equals(wanted)
            : now is { } unwanted && store.OwnerOf(input, key, unwanted) == EntryOwner.Us;
    }

    private void CompareWith(PlanInput input, Dictionary<TKey, TEntry> actual)
    {
        foreach ((TKey key, TEntry entry) in _wanted)
        {
            if (!actual.TryGetValue(key, out TEntry there) || !there.Equals(entry))
            {
                _upserts[key] = entry;
                NoteDrift(key);
            }
        }

        foreach ((TKey key, TEntry there) in actual)
        {
            if (!_wanted.ContainsKey(key))
            {
                CompareUnwanted(input, key, there);
            }
        }
    }

    private void CompareUnwanted(PlanInput input, TKey key, TEntry there)
    {
        // What we wanted until now is ours, whatever its shape.
        EntryOwner owner = _changed.ContainsKey(key) ? EntryOwner.Us : store.OwnerOf(input, key, there);
        if (owner == EntryOwner.Us)
        {
            _deletes[key] = there;
            NoteDrift(key);
        }
        else if (owner == EntryOwner.PerhapsUpstream && _reported.Add(key))
        {
            _suspects.Add($"{key} {there}");
        }
    }

    /// <summary>No notification speaks against it, so that only what the leases changed is written.</summary>
    private void TrustTheStore()
    {
        foreach ((TKey key, TEntry? old) in _changed)
        {
            if (_wanted.TryGetValue(key, out TEntry entry))
            {
                _upserts[key] = entry;
            }
            else if (old is { } gone)
            {
                _deletes[key] = gone;
            }
        }
    }

    private void NoteDrift(TKey key)
    {
        if (_wasCompared && !_changed.ContainsKey(key) && !_pending.Contains(key))
        {
            _drifted.Add(key);
        }
    }

    private string SuspectsLine()
    {
        string others = _suspects.Count > MaxNamedSuspects ? $" (and {_suspects.Count - MaxNamedSuspects} more)" : "";
        return $"{kind} {string.Join(", ", _suspects.Take(MaxNamedSuspects))}{others}: belongs to no lease and may be "
            + "left from another flannel; it stays, as nothing proves it";
    }

    private TableResult Report(Dictionary<TKey, TEntry> entries, IReadOnlyList<EntryFailure<TKey>> failures)
    {
        HashSet<TKey> failed = [.. failures.Select(static failure => failure.Key)];
        List<string> drifted = [];
        foreach (TKey key in entries.Keys)
        {
            bool isDrift = _drifted.Contains(key);
            if (!failed.Contains(key))
            {
                _pending.Remove(key);
                if (isDrift)
                {
                    drifted.Add($"{key}");
                }
            }
            else if (!isDrift)
            {
                _pending.Add(key);
            }
        }

        return new TableResult(
            entries.Count - failed.Count, drifted, [.. failures.Select(static failure => failure.Message)]);
    }
}

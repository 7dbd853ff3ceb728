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
/// Keeps a store equal to a plan. Nothing is remembered of what the store holds: a full run reads it, a notification
/// says it, and a failed write is followed by a full run. Admission has seen to it that no two peers plan one key.
/// </summary>
internal sealed class Table<TKey, TEntry>(string kind, PeerPlan<TKey, TEntry> plan, IStore<TKey, TEntry> store) : ITable
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>
{
    private readonly Dictionary<PeerKey, TKey> _keyOfPeer = [];
    private readonly Dictionary<TKey, TEntry> _wanted = [];
    private readonly Dictionary<TKey, TEntry> _upserts = [];
    private readonly Dictionary<TKey, TEntry> _deletes = [];
    private readonly HashSet<TKey> _drifted = [];

    public string Kind => kind;

    public async ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _upserts.Clear();
        _deletes.Clear();
        _drifted.Clear();
        if (scope.IsFull)
        {
            HashSet<TKey> before = [.. _wanted.Keys];
            PlanAll(input, scope.Peers);
            CompareWith(input, before, await store.ReadAsync(input, cancellationToken));
            return;
        }

        PlanChanged(input, scope);
        foreach (RtnlEvent kernelEvent in scope.Events)
        {
            CompareWith(input, kernelEvent);
        }
    }

    public async ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken) => _upserts.Count == 0
        ? TableResult.Nothing
        : Report(_upserts, await store.UpsertAsync([.. _upserts], cancellationToken));

    public async ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken) => _deletes.Count == 0
        ? TableResult.Nothing
        : Report(_deletes, await store.DeleteAsync([.. _deletes], cancellationToken));

    private void PlanAll(PlanInput input, IReadOnlyDictionary<PeerKey, Peer> peers)
    {
        _keyOfPeer.Clear();
        _wanted.Clear();
        foreach (Peer peer in peers.Values)
        {
            if (plan(peer, input) is { } planned)
            {
                _keyOfPeer[peer.Key] = planned.Key;
                _wanted[planned.Key] = planned.Entry;
            }
        }
    }

    private void CompareWith(PlanInput input, HashSet<TKey> before, Dictionary<TKey, TEntry> actual)
    {
        foreach ((TKey key, TEntry entry) in _wanted)
        {
            if (!actual.TryGetValue(key, out TEntry there) || !there.Equals(entry))
            {
                _upserts[key] = entry;
                MarkDrifted(key, isDrift: before.Contains(key));
            }
        }

        foreach ((TKey key, TEntry there) in actual)
        {
            if (!_wanted.ContainsKey(key) && store.IsOurs(input, key, there))
            {
                _deletes[key] = there;
            }
        }
    }

    private void PlanChanged(PlanInput input, SyncScope scope)
    {
        foreach (PeerKey peerKey in scope.ChangedPeers)
        {
            if (_keyOfPeer.Remove(peerKey, out TKey old) && _wanted.Remove(old, out TEntry oldEntry))
            {
                _deletes[old] = oldEntry;
            }
        }

        // After all removals: a subnet may have gone from one peer to another.
        foreach (PeerKey peerKey in scope.ChangedPeers)
        {
            if (scope.Peers.TryGetValue(peerKey, out Peer? peer) && plan(peer, input) is { } planned)
            {
                _keyOfPeer[peerKey] = planned.Key;
                _wanted[planned.Key] = planned.Entry;
                bool isUnchanged = _deletes.Remove(planned.Key, out TEntry old) && old.Equals(planned.Entry);
                if (!isUnchanged)
                {
                    _upserts[planned.Key] = planned.Entry;
                }
            }
        }
    }

    private void CompareWith(PlanInput input, in RtnlEvent kernelEvent)
    {
        if (!store.TryRead(input, kernelEvent, out TKey key, out TEntry? now))
        {
            return;
        }

        // The last word on a key counts: later notifications undo what earlier ones asked for.
        bool isPlanned = _wanted.TryGetValue(key, out TEntry wanted);
        if (isPlanned && !(now is { } there && there.Equals(wanted)))
        {
            _upserts[key] = wanted;
            MarkDrifted(key, isDrift: true);
        }
        else if (_drifted.Remove(key))
        {
            _upserts.Remove(key);
            _deletes.Remove(key);
        }

        if (!isPlanned && now is { } unwanted && store.IsOurs(input, key, unwanted))
        {
            _deletes[key] = unwanted;
            MarkDrifted(key, isDrift: true);
        }
    }

    private void MarkDrifted(TKey key, bool isDrift)
    {
        if (isDrift)
        {
            _drifted.Add(key);
        }
    }

    private TableResult Report(Dictionary<TKey, TEntry> entries, IReadOnlyList<string> failures)
    {
        List<string> drifted = [];
        foreach (TKey key in entries.Keys)
        {
            if (_drifted.Contains(key))
            {
                drifted.Add($"{key}");
            }
        }

        return new TableResult(entries.Count, drifted, failures);
    }
}

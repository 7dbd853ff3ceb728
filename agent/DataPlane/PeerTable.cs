using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Leases;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// Who is let in: the peers whose lease is sane and who claim nothing that a senior holds. A refused lease has no entry
/// in any table, because half of its entries would lead its traffic to the wrong node. The outcome depends on the
/// leases alone, not on the order they came in.
/// </summary>
internal sealed class PeerTable
{
    private readonly Dictionary<PeerKey, Peer> _sane = [];
    private readonly Dictionary<PeerKey, Peer> _admitted = [];
    private readonly Dictionary<PeerKey, Refusal> _refused = [];
    private readonly PeerClaims _claims = new();
    private int _conflicts;

    /// <summary>How many are admitted of IPv4.</summary>
    public int Count4 { get; private set; }

    public IReadOnlyDictionary<PeerKey, Peer> Admitted => _admitted;

    /// <summary>Why each of the others is not.</summary>
    public IReadOnlyDictionary<PeerKey, Refusal> Refused => _refused;

    /// <summary>Follows the leases.</summary>
    /// <param name="read">The backend's reading of one family of a lease.</param>
    /// <param name="changed">Keys of leases to look at again; null: all.</param>
    /// <returns>The admitted peers that were added, changed or removed, and the refusals that are new.</returns>
    public PeerChanges Update(
        LeaseTable leases, Func<Lease, bool, PeerReading> read, IReadOnlyCollection<string>? changed)
    {
        Dictionary<PeerKey, Peer?> before = [];
        Dictionary<PeerKey, Refusal> refusedBefore = new(_refused);
        bool isRebuild = _conflicts > 0;
        if (changed is null)
        {
            _sane.EnsureCapacity(leases.ByKey.Count);
            _admitted.EnsureCapacity(leases.ByKey.Count);
            before.EnsureCapacity(leases.ByKey.Count);
            foreach (string key in Known().Where(key => !leases.ByKey.ContainsKey(key)))
            {
                isRebuild |= !Follow(key, lease: null, read, before);
            }

            foreach ((string key, Lease lease) in leases.ByKey)
            {
                isRebuild |= !Follow(key, lease, read, before);
            }
        }
        else
        {
            foreach (string key in changed)
            {
                isRebuild |= !Follow(key, leases.ByKey.GetValueOrDefault(key), read, before);
            }
        }

        if (isRebuild)
        {
            Rebuild(before);
        }

        return Outcome(before, refusedBefore);
    }

    /// <summary>Keys of the leases that were looked at until now.</summary>
    private string[] Known() =>
        [.. _sane.Keys.Concat(_refused.Keys).Select(static key => key.Lease).Distinct(StringComparer.Ordinal)];

    /// <summary>False: it claims what another holds, so that all must be decided anew.</summary>
    private bool Follow(
        string key, Lease? lease, Func<Lease, bool, PeerReading> read, Dictionary<PeerKey, Peer?> before) =>
        Follow(new PeerKey(key, Is6: false), lease, read, before)
        & Follow(new PeerKey(key, Is6: true), lease, read, before);

    private bool Follow(
        PeerKey key, Lease? lease, Func<Lease, bool, PeerReading> read, Dictionary<PeerKey, Peer?> before)
    {
        PeerReading reading = lease is null ? PeerReading.None : read(lease, key.Is6);
        if (reading.TryGet(out Peer? peer) && _admitted.TryGetValue(key, out Peer? same) && same == peer)
        {
            return true;
        }

        if (reading == PeerReading.None && !_sane.ContainsKey(key) && !_refused.ContainsKey(key))
        {
            return true;    // a family that the lease never had
        }

        Withdraw(key, before);
        _sane.Remove(key);
        _refused.Remove(key);
        if (reading.Refusal is { } reason)
        {
            _refused[key] = reason;
        }

        if (peer is null)
        {
            return true;
        }

        _sane[key] = peer;
        if (_claims.TryFindHolder(peer, out _, out _))
        {
            return false;
        }

        Admit(peer, before);
        return true;
    }

    private void Rebuild(Dictionary<PeerKey, Peer?> before)
    {
        foreach (PeerKey key in _admitted.Keys)
        {
            Remember(key, before);
        }

        _admitted.Clear();
        Count4 = 0;
        _claims.Clear();
        _conflicts = 0;
        foreach (Peer peer in _sane.Values.OrderBy(static p => p.Seniority))
        {
            _refused.Remove(peer.Key);
            if (_claims.TryFindHolder(peer, out Peer? holder, out string? claim))
            {
                _refused[peer.Key] = new Refusal(
                    RefusalReason.Conflict,
                    $"its {claim} belongs to the older lease {holder.Key.Lease} ({holder.PublicIP})");
                _conflicts++;
            }
            else
            {
                Admit(peer, before);
            }
        }
    }

    private void Admit(Peer peer, Dictionary<PeerKey, Peer?> before)
    {
        Remember(peer.Key, before);
        _admitted[peer.Key] = peer;
        Count4 += peer.Key.Is6 ? 0 : 1;
        _claims.Add(peer);
    }

    private void Withdraw(PeerKey key, Dictionary<PeerKey, Peer?> before)
    {
        Remember(key, before);
        if (_admitted.Remove(key, out Peer? peer))
        {
            Count4 -= key.Is6 ? 0 : 1;
            _claims.Remove(peer);
        }
    }

    private void Remember(PeerKey key, Dictionary<PeerKey, Peer?> before) =>
        before.TryAdd(key, _admitted.GetValueOrDefault(key));

    private PeerChanges Outcome(Dictionary<PeerKey, Peer?> before, Dictionary<PeerKey, Refusal> refusedBefore)
    {
        List<PeerChange> changes = [];
        foreach ((PeerKey key, Peer? old) in before)
        {
            Peer? now = _admitted.GetValueOrDefault(key);
            if (old != now)
            {
                changes.Add(new PeerChange(key, old, now));
            }
        }

        List<KeyValuePair<PeerKey, Refusal>> refusals =
            [.. _refused.Where(r => refusedBefore.GetValueOrDefault(r.Key) != r.Value)];
        return new PeerChanges(changes, refusals);
    }
}

/// <summary>What an update of the <see cref="PeerTable"/> came to.</summary>
internal sealed record PeerChanges(
    IReadOnlyList<PeerChange> Changes, IReadOnlyList<KeyValuePair<PeerKey, Refusal>> Refusals);

/// <summary>A peer before and after; null: it was, or is, not among the admitted.</summary>
internal readonly record struct PeerChange(PeerKey Key, Peer? Old, Peer? New);

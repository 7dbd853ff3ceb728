using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// All leases as the feed told them, and which of them are peers: those that are neither this node's key nor carry this
/// node's address. One owner.
/// </summary>
/// <remarks>
/// What cannot be read is reported once and changes nothing: the lease as last read stays. Peers are doubted that are
/// gone from a store that is not the one it was, or while nobody watched if they are most of them or this node's own
/// lease was gone too: they stay until <see cref="Believe"/>, or until another claims their subnet.
/// </remarks>
internal sealed partial class LeaseBook(LeaseKeys keys, ILogger logger)
{
    private const int MaxQuoted = 200;    // of a key, in a line

    private readonly Dictionary<string, Lease> _leases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _reported = new(StringComparer.Ordinal);    // unreadable, revision
    private readonly Dictionary<string, int> _doubted = new(StringComparer.Ordinal);    // key, which doubt
    private int _doubts;
    private Lease? _own;

    internal LeaseTable Peers { get; private set; } = LeaseTable.Empty;

    /// <summary>Keys of the peers that are here and not in the store, and which time that was found.</summary>
    internal IReadOnlyDictionary<string, int> Doubted => _doubted;

    /// <summary>Enters a batch.</summary>
    /// <returns>Keys of the peers added, changed or removed.</returns>
    internal HashSet<string> Apply(FeedBatch batch, Lease own)
    {
        HashSet<string> touched = new(StringComparer.Ordinal);
        Dictionary<string, Lease> gone = new(StringComparer.Ordinal);
        Seniority? before = _leases.GetValueOrDefault(own.Key)?.Seniority;
        if (batch.All is not null)
        {
            HashSet<string> listed = batch.All.Select(kv => keys.NameOf(kv.Key)).ToHashSet(StringComparer.Ordinal);
            foreach (string name in _leases.Keys.Where(name => !listed.Contains(name)).ToList())
            {
                Remove(name, gone);
            }

            foreach (string name in _reported.Keys.Where(name => !listed.Contains(name)).ToList())
            {
                _reported.Remove(name);
            }

            foreach (KeyValue kv in batch.All)
            {
                Enter(kv, touched);
            }
        }

        foreach (WatchEvent happened in batch.Events)
        {
            string name = keys.NameOf(happened.Kv.Key);
            if (happened.IsDelete)
            {
                _reported.Remove(name);
                Remove(name, gone);
            }
            else
            {
                Enter(happened.Kv, touched);
            }
        }

        touched.UnionWith(gone.Keys);
        foreach (string name in gone.Keys.Where(_leases.ContainsKey).ToList())
        {
            gone.Remove(name);
        }

        bool wasOwnGone = before is not null && before != _leases.GetValueOrDefault(own.Key)?.Seniority;
        if (batch.Absence == Absence.Unproven
            || (batch.Absence == Absence.Missed && (wasOwnGone || IsMost(gone.Keys, batch))))
        {
            Doubt(gone, own);
        }

        return Sort(touched, own);
    }

    /// <summary>Sorts peers from the own lease anew when that has changed.</summary>
    /// <returns>Keys of the peers added, changed or removed.</returns>
    internal HashSet<string> ChangeOwn(Lease own) => Sort([], own);

    /// <summary>Lets those go that have been doubted ever since.</summary>
    /// <param name="gone">Of <see cref="Doubted"/> as it was once.</param>
    /// <returns>Keys of the peers removed.</returns>
    internal HashSet<string> Believe(IEnumerable<KeyValuePair<string, int>> gone, Lease own)
    {
        HashSet<string> touched = [.. gone.Where(_doubted.Contains).Select(static doubt => doubt.Key)];
        foreach (string name in touched)
        {
            Remove(name);
        }

        if (touched.Count > 0)
        {
            Log.Believed(logger, touched.Count);
        }

        return Sort(touched, own);
    }

    /// <summary>Does the store, as far as the feed has told, have our lease under our name?</summary>
    internal bool Has(Lease own) =>
        _leases.TryGetValue(own.Key, out Lease? lease)
        && !_doubted.ContainsKey(own.Key) && !_reported.ContainsKey(own.Key)
        && lease.Attributes.IsOfNode(own.Attributes);

    // Half of them may be a rack. Of one peer alone a deletion says as much as of one among many.
    private bool IsMost(ICollection<string> gone, FeedBatch batch)
    {
        int peers = gone.Count(Peers.ByKey.ContainsKey);
        return peers >= (batch.All is null ? 2 : 1) && peers * 2 > Peers.Count - _doubted.Count;
    }

    private void Doubt(Dictionary<string, Lease> gone, Lease own)
    {
        _doubts++;
        foreach ((string name, Lease lease) in gone.Where(pair => Peers.ByKey.ContainsKey(pair.Key)))
        {
            SubnetPair pair = PairOf(lease);
            if (!_leases.Values.Append(own).Any(other => PairOf(other).Overlaps(pair)))
            {
                _leases[name] = lease;
                _doubted[name] = _doubts;
            }
        }

        if (_doubted.Count > 0)
        {
            Log.Doubted(logger, _doubted.Count, Peers.Count);
        }
    }

    private void Enter(KeyValue kv, HashSet<string> touched)
    {
        string name = keys.NameOf(kv.Key);
        if (LeaseReader.TryRead(name, kv, out Lease? lease, out string? reason))
        {
            Remove(name);
            RemoveDoubted(PairOf(lease), touched);
            _leases[name] = lease;
            _reported.Remove(name);
            touched.Add(name);
        }
        else if (!_reported.TryGetValue(name, out long revision) || revision != kv.ModRevision)
        {
            _reported[name] = kv.ModRevision;
            Log.Skipped(logger, kv.Key.Length > MaxQuoted ? kv.Key[..MaxQuoted] + "…" : kv.Key, reason);
        }

        _doubted.Remove(name);
    }

    // Who is there has more right to a subnet than who may be.
    private void RemoveDoubted(SubnetPair pair, HashSet<string> touched)
    {
        foreach (string name in _doubted.Keys.Where(name => PairOf(_leases[name]).Overlaps(pair)).ToList())
        {
            Remove(name);
            touched.Add(name);
        }
    }

    private void Remove(string name, Dictionary<string, Lease>? gone = null)
    {
        if (gone is null || !_doubted.ContainsKey(name))
        {
            _doubted.Remove(name);
            if (_leases.Remove(name, out Lease? lease))
            {
                gone?.TryAdd(name, lease);
            }
        }
    }

    private HashSet<string> Sort(HashSet<string> touched, Lease own)
    {
        if (_own is not null && _own != own)
        {
            touched.Add(_own.Key);
            touched.Add(own.Key);
            RemoveDoubted(PairOf(own), touched);
        }

        _own = own;
        LeaseTable before = Peers;
        foreach (string key in touched)
        {
            bool isPeer = _leases.TryGetValue(key, out Lease? lease)
                && key != own.Key && !lease.Attributes.IsOfNode(own.Attributes);
            Peers = isPeer && lease is not null ? Peers.With(lease) : Peers.Without(key);
        }

        touched.RemoveWhere(key => before.ByKey.GetValueOrDefault(key) == Peers.ByKey.GetValueOrDefault(key));
        return touched;
    }

    private static SubnetPair PairOf(Lease lease) => new(lease.Subnet, lease.IPv6Subnet);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Lease {Key} is skipped: {Cause}")]
        internal static partial void Skipped(ILogger logger, string key, string cause);

        [LoggerMessage(
            LogLevel.Warning,
            "Leases of {Gone} among {All} peers were gone when etcd was seen again: they are kept for some seconds")]
        internal static partial void Doubted(ILogger logger, int gone, int all);

        [LoggerMessage(LogLevel.Warning, "Leases of {Gone} peers are still gone from etcd: they are let go")]
        internal static partial void Believed(ILogger logger, int gone);
    }
}

using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// All leases as the feed told them, and which of them are peers: those that are neither this node's key nor carry this
/// node's address. One owner.
/// </summary>
/// <remarks>What cannot be read is reported once and changes nothing: the lease as last read stays.</remarks>
internal sealed partial class LeaseBook(LeaseKeys keys, ILogger logger)
{
    private readonly Dictionary<string, Lease> _leases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _reported = new(StringComparer.Ordinal);    // key, revision
    private Lease? _own;

    internal LeaseTable Peers { get; private set; } = LeaseTable.Empty;

    /// <summary>Enters a batch.</summary>
    /// <returns>Keys of the peers added, changed or removed.</returns>
    internal HashSet<string> Apply(FeedBatch batch, Lease own)
    {
        HashSet<string> touched = new(StringComparer.Ordinal);
        if (batch.All is not null)
        {
            touched.UnionWith(_leases.Keys);
            touched.ExceptWith(batch.All.Select(kv => keys.NameOf(kv.Key)));
            foreach (string gone in touched)
            {
                _leases.Remove(gone);
            }

            foreach (KeyValue kv in batch.All)
            {
                Enter(kv, touched);
            }
        }

        foreach (WatchEvent happened in batch.Events)
        {
            if (happened.IsDelete)
            {
                string name = keys.NameOf(happened.Kv.Key);
                _reported.Remove(name);
                _leases.Remove(name);
                touched.Add(name);
            }
            else
            {
                Enter(happened.Kv, touched);
            }
        }

        return Sort(touched, own);
    }

    /// <summary>Sorts peers from the own lease anew when that has changed.</summary>
    /// <returns>Keys of the peers added, changed or removed.</returns>
    internal HashSet<string> ChangeOwn(Lease own) => Sort([], own);

    /// <summary>Does the store, as far as the feed has told, have our lease under our name?</summary>
    internal bool Has(Lease own) =>
        _leases.TryGetValue(own.Key, out Lease? lease) && lease.Attributes.IsOfNode(own.Attributes);

    private void Enter(KeyValue kv, HashSet<string> touched)
    {
        string name = keys.NameOf(kv.Key);
        if (LeaseReader.TryRead(name, kv, out Lease? lease, out string? reason))
        {
            _leases[name] = lease;
            touched.Add(name);
        }
        else if (!_reported.TryGetValue(name, out long revision) || revision != kv.ModRevision)
        {
            _reported[name] = kv.ModRevision;
            Log.Skipped(logger, kv.Key, reason);
        }
    }

    private HashSet<string> Sort(HashSet<string> touched, Lease own)
    {
        if (_own is not null && _own != own)
        {
            touched.Add(_own.Key);
            touched.Add(own.Key);
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

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Lease {Key} is skipped: {Cause}")]
        internal static partial void Skipped(ILogger logger, string key, string cause);
    }
}

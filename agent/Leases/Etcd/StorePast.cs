using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// What was seen of a store, so far as it takes to find out after a lost connection whether it is still that store.
/// </summary>
/// <remarks>
/// An etcd started anew with an empty or an older disk has the same cluster id, its revisions go back, and soon they
/// are past ours. But as of the last revision seen it does not have the key that was written last.
/// </remarks>
internal sealed class StorePast
{
    private KeyValue? _last;    // the key written last, of those that are there
    private bool _isDoubted;

    /// <summary>Is there a revision to watch from?</summary>
    internal bool IsKnown { get; private set; }

    internal ResponseHeader Seen { get; private set; }

    /// <summary>What to ask etcd before its watch is believed; null: there is no need.</summary>
    /// <exception cref="EtcdException">OutOfRange: no question would tell.</exception>
    internal RangeRequest? Question() => (_isDoubted, _last) switch
    {
        (false, _) => null,
        (_, null) => throw NotTheOne("it cannot be told, as the key written last is deleted"),
        (_, KeyValue last) => new RangeRequest(KeyRange.Single(last.Key), KeysOnly: true, Revision: Seen.Revision),
    };

    internal void Learn(RangeResponse list)
    {
        IsKnown = true;
        _isDoubted = false;
        Seen = list.Header;
        _last = list.Kvs.MaxBy(static kv => kv.ModRevision);
    }

    /// <summary>Counts a watch's message. A revision that comes in several is seen with the last one.</summary>
    internal void Learn(WatchResponse response)
    {
        // The header of a watch that lags behind is ahead of its events.
        long revision = response.Events.Count == 0
            ? response.Header.Revision
            : response.Events[^1].Kv.ModRevision - (response.Fragment ? 1 : 0);
        Seen = Seen with { Revision = Math.Max(Seen.Revision, revision) };
        foreach (WatchEvent happened in response.Events)
        {
            if (!happened.IsDelete)
            {
                _last = happened.Kv with { Value = [] };
            }
            else if (happened.Kv.Key == _last?.Key)
            {
                _last = null;
            }
        }
    }

    /// <summary>The connection is lost: whoever answers next has to prove that it is the one.</summary>
    internal void Doubt() => _isDoubted = true;

    internal void Trust() => _isDoubted = false;

    internal void Forget() => IsKnown = false;

    /// <exception cref="EtcdException">OutOfRange: it is another store, or cannot tell.</exception>
    internal void Verify(RangeResponse found)
    {
        if (found.Header.ClusterId != Seen.ClusterId
            || found.Kvs is not [KeyValue kv] || kv.ModRevision != _last?.ModRevision)
        {
            throw NotTheOne($"the key {_last?.Key} was not last written at revision {_last?.ModRevision}");
        }
    }

    /// <inheritdoc cref="Verify(RangeResponse)"/>
    internal void Verify(ResponseHeader created)
    {
        // It would wait in silence for a revision that is years away.
        if (created.ClusterId != Seen.ClusterId || created.Revision < Seen.Revision)
        {
            throw NotTheOne($"at revision {created.Revision} after {Seen.Revision}");
        }
    }

    private static EtcdException NotTheOne(string difference) =>
        new(GrpcStatus.OutOfRange, $"etcd may not be the one it was: {difference}");
}

using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// Writes this node's key. Each write is guarded by what was read before it; null says that it lost a race.
/// </summary>
internal sealed class OwnLeaseWriter(EtcdClient client, LeaseKeys keys, EtcdOptions options, TimeProvider time)
{
    // Ours alone. Chosen here, so that a grant whose answer is lost is found again.
    private readonly long _newGrantId = Random.Shared.NextInt64(1, long.MaxValue);

    private long _grantId;    // of the last grant that was ours, to be used again

    /// <summary>Takes a subnet that nobody has.</summary>
    /// <remarks>
    /// The guard covers the keys that begin alike. A dual-stack key that shares only the IPv6 subnet with ours, or one
    /// of another prefix length, passes it; so the same transaction lists all keys, and the later of two gives way.
    /// </remarks>
    internal async Task<OwnLease?> CreateAsync(
        SubnetPair pair, LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        string key = keys.Of(pair);
        Grant grant = await EnsureGrantAsync(_grantId, cancellationToken);
        byte[] value = LeaseValue.Write(attributes);
        TxnResponse answer = await client.TxnAsync(
            new TxnRequest(
                Compare.IsAbsent(keys.Like(pair)),
                [RequestOp.Put(key, value, grant.Id), RequestOp.Range(new RangeRequest(keys.All, KeysOnly: true))],
                [RequestOp.Range(new RangeRequest(KeyRange.Single(key)))]),
            cancellationToken);
        if (!answer.Succeeded)
        {
            // With our grant on it, it is our own write, whose answer was lost.
            return answer.Kvs is [KeyValue found] && found.Lease == grant.Id
                ? Compose(found.Key, pair, attributes, found.CreateRevision, grant)
                : null;
        }

        long revision = answer.Header.Revision;
        if (answer.Kvs.Any(other => other.Key != key && Claims(other).Overlaps(pair)))
        {
            await DeleteAsync(new KeyValue(key, value, revision, revision, grant.Id), cancellationToken);
            return null;
        }

        return Compose(key, pair, attributes, revision, grant);
    }

    /// <summary>
    /// Keeps a key of ours: renews its grant, and writes it if its value is not what we would say. A reservation stays
    /// one. What needs no write causes no event at all the other nodes.
    /// </summary>
    internal async Task<OwnLease?> ReuseAsync(
        Claim claim, LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        KeyValue kv = claim.Kv;
        byte[] value = LeaseValue.Write(attributes);
        Grant grant = claim.IsReservation ? default : await EnsureGrantAsync(claim.GrantId, cancellationToken);
        if (grant.Id != kv.Lease || !kv.Value.AsSpan().SequenceEqual(value))
        {
            TxnResponse answer = await client.TxnAsync(
                new TxnRequest(Compare.IsUnchanged(kv), [RequestOp.Put(kv.Key, value, grant.Id)], []),
                cancellationToken);
            if (!answer.Succeeded)
            {
                return null;
            }
        }

        return Compose(kv.Key, claim.Pair, attributes, kv.CreateRevision, grant);
    }

    /// <summary>Gives up a key, if it still is what was read.</summary>
    internal Task DeleteAsync(KeyValue kv, CancellationToken cancellationToken) =>
        client.TxnAsync(
            new TxnRequest(Compare.IsUnchanged(kv), [RequestOp.Delete(kv.Key)], []), cancellationToken);

    /// <summary>The grant, its time begun anew; another where it is over or was meant to be shorter.</summary>
    private async Task<Grant> EnsureGrantAsync(long id, CancellationToken cancellationToken)
    {
        Grant grant = id == 0 ? default : await client.KeepAliveAsync(id, cancellationToken);
        if (grant.Ttl < (long)options.LeaseTtl.TotalSeconds)
        {
            grant = await client.GrantAsync(_newGrantId, options.LeaseTtl, cancellationToken);
        }

        _grantId = grant.Id;
        return grant;
    }

    private OwnLease Compose(
        string key, SubnetPair pair, LeaseAttributes attributes, long createRevision, Grant grant)
    {
        // A margin as long as the lease would mean without a pause.
        TimeSpan ttl = TimeSpan.FromSeconds(grant.Ttl);
        TimeSpan left = options.RenewMargin < ttl ? ttl - options.RenewMargin : ttl / 3;
        return new OwnLease(
            LeaseReader.Compose(keys.NameOf(key), pair, attributes, createRevision),
            grant.Id,
            grant.Id == 0 ? null : time.GetUtcNow() + left);
    }

    private SubnetPair Claims(KeyValue kv) =>
        LeaseKey.TryParse(keys.NameOf(kv.Key), out SubnetPair pair) ? pair : default;
}

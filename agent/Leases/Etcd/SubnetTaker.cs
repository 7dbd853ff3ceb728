using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// Finds out what this node's key is and does what that asks for: a renewal, a write, taking it back, or taking another
/// subnet. One attempt a call; nothing is lost by another.
/// </summary>
internal sealed partial class SubnetTaker(
    EtcdClient client,
    LeaseKeys keys,
    OwnLeaseWriter writer,
    EtcdOptions options,
    TimeProvider time,
    ILogger logger)
{
    private const int MaxRaces = 10;

    // Without news the config may have been changed, or a watch may have been cut.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);

    /// <summary>Takes a lease: ours of old, or a new one with as much of the preferred subnets as is free.</summary>
    /// <returns>The lease, and the list that it was chosen by.</returns>
    /// <exception cref="NoSubnetException">None is free.</exception>
    /// <exception cref="EtcdException">etcd is away, or another node was faster.</exception>
    internal async Task<(OwnLease Own, RangeResponse List)> TakeAsync(
        SubnetPools pools, LeaseAttributes attributes, SubnetPair preferred, CancellationToken cancellationToken)
    {
        RangeResponse list = await client.ListAsync(keys.All, cancellationToken);
        ClaimPlan plan = ClaimPlan.Decide(list.Kvs, keys, pools, attributes);
        OwnLease? own = plan.Reuse is Claim claim
            ? await writer.ReuseAsync(claim, attributes, cancellationToken) ?? throw Outrun()
            : null;
        foreach (Claim unfit in plan.Unfit)
        {
            await DropAsync(unfit, pools, cancellationToken);
            preferred = preferred.IsNone ? unfit.Pair : preferred;
        }

        own ??= await TakeFreeAsync(pools, attributes, preferred, plan, list.Header.Revision, cancellationToken);
        return (own, list);
    }

    /// <summary>
    /// Makes the key be ours again and say what we say; another subnet's if it is somebody else's now.
    /// </summary>
    /// <exception cref="NoSubnetException">It is, and no other subnet is free.</exception>
    /// <exception cref="EtcdException">etcd is away, or another node was faster.</exception>
    internal async Task<OwnLease> HoldAsync(
        OwnLease own, SubnetPools pools, LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        RangeResponse found = await client.RangeAsync(
            new RangeRequest(KeyRange.Single(keys.Of(own.Lease.Key))), cancellationToken);
        if (found.Kvs is not [KeyValue kv])
        {
            return await writer.CreateAsync(own.Pair, attributes, cancellationToken)
                ?? (await TakeAsync(pools, attributes, own.Pair, cancellationToken)).Own;
        }

        _ = LeaseReader.TryRead(own.Lease.Key, kv, out Lease? lease, out _);
        if (lease is not null && !IsOurs(lease, own, attributes))
        {
            return (await TakeAsync(pools, attributes, own.Pair, cancellationToken)).Own;
        }

        // What cannot be read names nobody: it is mended, with the time limit that it had.
        Claim claim = new(kv, own.Pair, lease is not null || kv.Lease != 0 ? kv.Lease : own.GrantId);
        return await writer.ReuseAsync(claim, attributes, cancellationToken) ?? throw Outrun();
    }

    /// <summary>Deletes a key that hangs on our grant and is not our lease: a write that came late.</summary>
    internal async Task<bool> DropStrayAsync(KeyValue kv, CancellationToken cancellationToken)
    {
        await writer.DeleteAsync(kv, cancellationToken);
        return true;
    }

    /// <summary>
    /// Waits until a lease has ended, or for half a minute. Costs etcd nothing meanwhile, however many wait.
    /// </summary>
    /// <exception cref="EtcdException">The wait is cut short.</exception>
    internal async Task WaitForRoomAsync(NoSubnetException since, CancellationToken cancellationToken)
    {
        await using EtcdWatch watch = await client.WatchAsync(
            new WatchCreateRequest(keys.All, since.Revision + 1, DeletesOnly: true), cancellationToken);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<WatchResponse> deleted = watch.ReadAsync(ended.Token);
        await Task.WhenAny(deleted, Task.Delay(s_longestWait, time, ended.Token));
        await ended.CancelAsync();
        await ((Task)deleted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (deleted.IsFaulted)
        {
            await deleted;
        }

        // Many wait, and one can have it.
        await Task.Delay(options.RequestTimeout * (Random.Shared.NextDouble() / 10), time, cancellationToken);
    }

    private async Task<OwnLease> TakeFreeAsync(
        SubnetPools pools,
        LeaseAttributes attributes,
        SubnetPair preferred,
        ClaimPlan plan,
        long revision,
        CancellationToken cancellationToken)
    {
        List<SubnetPair> taken = [.. plan.Taken];
        for (int race = 0; race < MaxRaces; race++)
        {
            SubnetPair pair = SubnetAllocator.Pick(pools, preferred, taken, Random.Shared)
                ?? throw Exhausted(pools, taken.Count, revision);
            if (await writer.CreateAsync(pair, attributes, cancellationToken) is OwnLease own)
            {
                return own;
            }

            taken.Add(pair);
        }

        throw Outrun();
    }

    private async Task DropAsync(Claim unfit, SubnetPools pools, CancellationToken cancellationToken)
    {
        string cause = pools.Holds(unfit.Pair)
            ? "this node has another, or another node's is older and overlaps it"
            : $"the network is cut into {pools}";
        if (unfit.IsReservation)
        {
            Log.NotUsed(logger, unfit.Pair, cause);
            return;
        }

        await writer.DeleteAsync(unfit.Kv, cancellationToken);
        Log.Dropped(logger, unfit.Pair, cause);
    }

    private static bool IsOurs(Lease lease, OwnLease own, LeaseAttributes attributes) =>
        lease.Attributes.IsOfNode(own.Lease.Attributes) || lease.Attributes.IsOfNode(attributes);

    private static EtcdException Outrun() => EtcdRetry.NotYet("another node was faster");

    private static NoSubnetException Exhausted(SubnetPools pools, int taken, long revision) => new(
        $"no subnet is free among {pools}, {taken} are taken: "
        + "widen the network, or delete the leases of nodes that are no more",
        revision);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Own lease {Subnets} is dropped: {Cause}")]
        internal static partial void Dropped(ILogger logger, SubnetPair subnets, string cause);

        [LoggerMessage(LogLevel.Warning, "Own reservation {Subnets} is not used: {Cause}")]
        internal static partial void NotUsed(ILogger logger, SubnetPair subnets, string cause);
    }
}

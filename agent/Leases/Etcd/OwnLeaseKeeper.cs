using System.Threading.Channels;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// This node's lease: takes it, publishes under it, keeps it. Whatever wakes it, it reads the key as it is and does what
/// that asks for: nothing, a renewal, a write, taking it back, or taking another subnet.
/// </summary>
internal sealed partial class OwnLeaseKeeper(
    EtcdClient client, LeaseKeys keys, OwnLeaseWriter writer, EtcdRetry retry, TimeProvider time, ILogger logger)
    : IDisposable
{
    private const string What = "Own lease";
    private const int MaxRaces = 10;

    // The clock may be set, the machine may sleep: look at the time again at least this often.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(10);

    // One of Acquire, Publish and Keep at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Many doubts, one look. Written by the watch, read by KeepAsync, never completed.
    private readonly Channel<bool> _doubts =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private SubnetPools _pools;
    private LeaseAttributes _attributes = new(default, default, "", null, null);
    private OwnState? _state;

    /// <summary>The lease held, and a task that ends when another is.</summary>
    /// <exception cref="InvalidOperationException">None was acquired.</exception>
    internal OwnState State =>
        Volatile.Read(ref _state) ?? throw new InvalidOperationException("no lease has been acquired yet");

    internal async Task<Lease> AcquireAsync(
        SubnetPools pools, LeaseAttributes attributes, SubnetPair previous, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _pools = pools;
            _attributes = attributes;
            OwnLease own =
                await retry.UntilDoneAsync(What, token => TakeAsync(previous, token), cancellationToken);
            Replace(own);
            return own.Lease;
        }
        finally
        {
            _turn.Release();
        }
    }

    internal async Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _attributes = attributes;
            Replace(await retry.UntilDoneAsync(What, HoldAsync, cancellationToken));
        }
        finally
        {
            _turn.Release();
        }
    }

    internal async Task KeepAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await WaitAsync(State.Own.RenewAt, cancellationToken);
            await _turn.WaitAsync(cancellationToken);
            try
            {
                Replace(await retry.UntilDoneAsync(What, HoldAsync, cancellationToken));
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    /// <summary>Says that the key may be gone or another's: KeepAsync will look.</summary>
    internal void Doubt() => _doubts.Writer.TryWrite(true);

    public void Dispose() => _turn.Dispose();

    /// <summary>Takes a lease: ours of old, the previous subnet, or any that is free.</summary>
    private async Task<OwnLease> TakeAsync(SubnetPair previous, CancellationToken cancellationToken)
    {
        RangeResponse all = await client.RangeAsync(new RangeRequest(keys.All), cancellationToken);
        ClaimPlan plan = ClaimPlan.Decide(all.Kvs, keys, _pools, _attributes);
        await DropAsync(plan.Unfit, cancellationToken);
        if (plan.Reuse is Claim claim)
        {
            OwnLease own = await writer.ReuseAsync(claim, _attributes, cancellationToken) ?? throw Outrun();
            Log.Reused(logger, own.Pair);
            return own;
        }

        List<SubnetPair> taken = [.. plan.Taken];
        bool isPrevious = IsWanted(previous, plan);
        for (int race = 0; race < MaxRaces; race++)
        {
            SubnetPair pair = isPrevious ? previous
                : SubnetAllocator.Pick(_pools, taken, Random.Shared) ?? throw Exhausted(taken.Count);
            if (await writer.CreateAsync(pair, _attributes, cancellationToken) is OwnLease own)
            {
                Log.Taken(logger, pair, isPrevious ? "the previous one" : "a free one");
                return own;
            }

            isPrevious = false;
            taken.Add(pair);
        }

        throw Outrun();
    }

    /// <summary>Makes the key be ours again and say what we say; another subnet's if it is somebody else's now.</summary>
    private async Task<OwnLease> HoldAsync(CancellationToken cancellationToken)
    {
        OwnLease own = State.Own;
        RangeResponse found = await client.RangeAsync(
            new RangeRequest(KeyRange.Single(keys.Of(own.Lease.Key))), cancellationToken);
        if (found.Kvs is not [KeyValue kv])
        {
            OwnLease again = await writer.CreateAsync(own.Pair, _attributes, cancellationToken) ?? throw Outrun();
            Log.TakenBack(logger, own.Pair);
            return again;
        }

        if (IsOurs(kv, own))
        {
            return await writer.ReuseAsync(new Claim(kv, own.Pair), _attributes, cancellationToken) ?? throw Outrun();
        }

        Log.Lost(logger, own.Pair, kv.Key);
        return await TakeAsync(default, cancellationToken);
    }

    private bool IsOurs(KeyValue kv, OwnLease own) =>
        LeaseReader.TryRead(own.Lease.Key, kv, out Lease? lease, out _)
            ? lease.Attributes.IsOfNode(own.Lease.Attributes) || lease.Attributes.IsOfNode(_attributes)
            : kv.Lease != 0 && kv.Lease == own.GrantId;

    private bool IsWanted(SubnetPair previous, ClaimPlan plan)
    {
        if (previous.IsNone)
        {
            return false;
        }

        bool fits = _pools.Holds(previous);
        bool isFree = plan.IsFree(previous);
        if (!fits || !isFree)
        {
            Log.PreviousRefused(logger, previous, fits ? "another node has it" : $"the network is cut into {_pools}");
        }

        return fits && isFree;
    }

    private async Task DropAsync(IReadOnlyList<Claim> unfit, CancellationToken cancellationToken)
    {
        foreach (Claim claim in unfit)
        {
            // What somebody reserved, somebody has to unreserve.
            bool isReservation = claim.Kv.Lease == 0;
            Log.Unfit(logger, claim.Pair, _pools, isReservation ? "it is a reservation and stays" : "it is dropped");
            if (!isReservation)
            {
                await writer.DeleteAsync(claim.Kv, cancellationToken);
            }
        }
    }

    private async Task WaitAsync(DateTimeOffset? until, CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task doubt = _doubts.Reader.ReadAsync(ended.Token).AsTask();
        while (!doubt.IsCompleted && !(until <= time.GetUtcNow()))
        {
            TimeSpan left = until - time.GetUtcNow() ?? s_longestWait;
            await Task.WhenAny(doubt, Task.Delay(left < s_longestWait ? left : s_longestWait, time, ended.Token));
            cancellationToken.ThrowIfCancellationRequested();
        }

        await ended.CancelAsync();
    }

    private void Replace(OwnLease own)
    {
        OwnState? old = Interlocked.Exchange(ref _state, new OwnState(own));
        old?.End();
    }

    private static EtcdException Outrun() => EtcdRetry.NotYet("another node was faster");

    private EtcdException Exhausted(int taken) =>
        EtcdRetry.NotYet(
            $"no subnet is free among {_pools}, {taken} are taken: widen the network, or delete the leases of nodes that are no more");

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Own lease is {Subnets}, as before")]
        internal static partial void Reused(ILogger logger, SubnetPair subnets);

        [LoggerMessage(LogLevel.Information, "Own lease is {Subnets}, {How}")]
        internal static partial void Taken(ILogger logger, SubnetPair subnets, string how);

        [LoggerMessage(LogLevel.Warning, "Own lease {Subnets} was gone from etcd and is taken back")]
        internal static partial void TakenBack(ILogger logger, SubnetPair subnets);

        [LoggerMessage(LogLevel.Error, "Own lease {Subnets} is lost, another node has {Key}: taking another subnet")]
        internal static partial void Lost(ILogger logger, SubnetPair subnets, string key);

        [LoggerMessage(LogLevel.Warning, "Previous subnet {Subnets} cannot be taken: {Cause}")]
        internal static partial void PreviousRefused(ILogger logger, SubnetPair subnets, string cause);

        [LoggerMessage(LogLevel.Warning, "Own lease {Subnets} is none of {Pools}: {Consequence}")]
        internal static partial void Unfit(ILogger logger, SubnetPair subnets, SubnetPools pools, string consequence);
    }
}

/// <summary>The lease held at one time.</summary>
internal sealed class OwnState(OwnLease own)
{
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal OwnLease Own { get; } = own;

    /// <summary>Ends when there is a newer state.</summary>
    internal Task Replaced => _replaced.Task;

    internal void End() => _replaced.TrySetResult();
}

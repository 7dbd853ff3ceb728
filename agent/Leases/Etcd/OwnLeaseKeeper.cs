using System.Threading.Channels;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// This node's lease: takes it, publishes under it, keeps it. Whatever wakes it, it reads the key as it is and does
/// what that asks for: nothing, a renewal, a write, taking it back, or taking another subnet.
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
            SayAcquired(own.Pair, previous);
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

    /// <summary>Takes a lease: ours of old, or a new one with as much of the preferred subnets as is free.</summary>
    private async Task<OwnLease> TakeAsync(SubnetPair preferred, CancellationToken cancellationToken)
    {
        RangeResponse all = await client.RangeAsync(new RangeRequest(keys.All), cancellationToken);
        ClaimPlan plan = ClaimPlan.Decide(all.Kvs, keys, _pools, _attributes);
        if (plan.Reuse is Claim claim)
        {
            return await writer.ReuseAsync(claim, _attributes, cancellationToken) ?? throw Outrun();
        }

        foreach (Claim unfit in plan.Unfit.Where(static unfit => !unfit.IsReservation))
        {
            await writer.DeleteAsync(unfit.Kv, cancellationToken);
            preferred = preferred.IsNone ? unfit.Pair : preferred;
            Log.Dropped(logger, unfit.Pair, _pools);
        }

        List<SubnetPair> taken = [.. plan.Taken];
        for (int race = 0; race < MaxRaces; race++)
        {
            SubnetPair pair =
                SubnetAllocator.Pick(_pools, preferred, taken, Random.Shared) ?? throw Exhausted(taken.Count);
            if (await writer.CreateAsync(pair, _attributes, cancellationToken) is OwnLease own)
            {
                return own;
            }

            taken.Add(pair);
        }

        throw Outrun();
    }

    /// <summary>
    /// Makes the key be ours again and say what we say; another subnet's if it is somebody else's now.
    /// </summary>
    private async Task<OwnLease> HoldAsync(CancellationToken cancellationToken)
    {
        OwnLease own = State.Own;
        RangeResponse found = await client.RangeAsync(
            new RangeRequest(KeyRange.Single(keys.Of(own.Lease.Key))), cancellationToken);
        if (found.Kvs is [KeyValue kv] && IsOurs(kv, own))
        {
            return await writer.ReuseAsync(new Claim(kv, own.Pair), _attributes, cancellationToken) ?? throw Outrun();
        }

        OwnLease taken = await TakeAsync(own.Pair, cancellationToken);
        if (taken.Pair == own.Pair)
        {
            Log.TakenBack(logger, own.Pair);
        }
        else
        {
            Log.Lost(logger, own.Pair, taken.Pair);
        }

        return taken;
    }

    private bool IsOurs(KeyValue kv, OwnLease own) =>
        LeaseReader.TryRead(own.Lease.Key, kv, out Lease? lease, out _)
            ? lease.Attributes.IsOfNode(own.Lease.Attributes) || lease.Attributes.IsOfNode(_attributes)
            : kv.Lease != 0 && kv.Lease == own.GrantId;

    private void SayAcquired(SubnetPair pair, SubnetPair previous)
    {
        Log.Acquired(logger, pair);
        if (!previous.IsNone && pair != previous)
        {
            Log.PreviousGivenUp(
                logger, previous, _pools.Holds(previous) ? "another node has it" : $"the network is cut into {_pools}");
        }
    }

    private async Task WaitAsync(DateTimeOffset? until, CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task doubt = _doubts.Reader.ReadAsync(ended.Token).AsTask();
        while (!doubt.IsCompleted)
        {
            TimeSpan left = until - time.GetUtcNow() ?? s_longestWait;
            if (left <= TimeSpan.Zero)
            {
                break;
            }

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
            $"no subnet is free among {_pools}, {taken} are taken: "
            + "widen the network, or delete the leases of nodes that are no more");

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Own lease is {Subnets}")]
        internal static partial void Acquired(ILogger logger, SubnetPair subnets);

        [LoggerMessage(LogLevel.Warning, "Own lease {Subnets} was gone from etcd and is taken back")]
        internal static partial void TakenBack(ILogger logger, SubnetPair subnets);

        [LoggerMessage(LogLevel.Error, "Own lease {Lost} is another node's now, {Taken} is taken instead")]
        internal static partial void Lost(ILogger logger, SubnetPair lost, SubnetPair taken);

        [LoggerMessage(LogLevel.Warning, "Previous subnet {Subnets} is given up: {Cause}")]
        internal static partial void PreviousGivenUp(ILogger logger, SubnetPair subnets, string cause);

        [LoggerMessage(LogLevel.Warning, "Own lease {Subnets} is dropped: the network is cut into {Pools}")]
        internal static partial void Dropped(ILogger logger, SubnetPair subnets, SubnetPools pools);
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

using System.Collections.Concurrent;
using System.Threading.Channels;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>This node's lease: acquires it, publishes under it, keeps it, and says when it is another.</summary>
/// <param name="onLost">Told what became of a lost lease: <c>taken_back</c>, <c>replaced</c>.</param>
internal sealed partial class OwnLeaseKeeper(
    SubnetTaker taker, LeaseKeys keys, EtcdRetry retry, Action<string> onLost, TimeProvider time, ILogger logger)
    : IDisposable
{
    private const string What = "Own lease";

    // The clock may be set, the machine may sleep: look at the time again at least this often.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(10);

    // One of Acquire, Publish and Keep at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Many doubts, one look. Written by the watch, read by KeepAsync, never completed.
    private readonly Channel<bool> _doubts =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly ConcurrentQueue<KeyValue> _strays = new();

    private SubnetPools _pools;
    private LeaseAttributes _attributes = new(default, default, "", null, null);
    private OwnState? _state;
    private RangeResponse? _list;

    /// <summary>The lease held, and a task that ends when another is.</summary>
    /// <exception cref="InvalidOperationException">None was acquired.</exception>
    internal OwnState State =>
        Volatile.Read(ref _state) ?? throw new InvalidOperationException("no lease has been acquired yet");

    /// <param name="reread">The pools as they are now; asked when all subnets are taken.</param>
    internal async Task<Lease> AcquireAsync(
        SubnetPools pools,
        LeaseAttributes attributes,
        SubnetPair previous,
        Func<CancellationToken, Task<SubnetPools>> reread,
        CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _pools = pools;
            _attributes = attributes;
            bool isExhausted = false;
            OwnLease own = await RetryAsync(
                async token =>
                {
                    _pools = isExhausted ? await reread(token) : _pools;
                    try
                    {
                        (OwnLease taken, _list) = await taker.TakeAsync(_pools, attributes, previous, token);
                        return taken;
                    }
                    catch (NoSubnetException)
                    {
                        isExhausted = true;
                        throw;
                    }
                },
                cancellationToken);
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
            await HoldAsync(cancellationToken);
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
                await HoldAsync(cancellationToken);
                await DropStraysAsync(cancellationToken);
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    /// <summary>Says that the key may be gone or another's: KeepAsync will look.</summary>
    internal void Doubt() => _doubts.Writer.TryWrite(true);

    /// <summary>Says that another key hangs on our grant: KeepAsync will see to it.</summary>
    internal void Doubt(KeyValue stray)
    {
        _strays.Enqueue(stray);
        Doubt();
    }

    /// <summary>The list that the lease was chosen by: others' leases, not read again by who asks soon. Once.</summary>
    internal RangeResponse? TakeList() => Interlocked.Exchange(ref _list, null);

    public void Dispose() => _turn.Dispose();

    private async Task HoldAsync(CancellationToken cancellationToken)
    {
        OwnLease own = State.Own;
        OwnLease held = await RetryAsync(
            token => taker.HoldAsync(own, _pools, _attributes, token), cancellationToken);
        if (held.Pair != own.Pair)
        {
            onLost("replaced");
            Log.Lost(logger, own.Pair, held.Pair);
        }
        else if (held.Lease.Seniority != own.Lease.Seniority)
        {
            onLost("taken_back");
            Log.TakenBack(logger, own.Pair);
        }

        Replace(held);
    }

    private async Task DropStraysAsync(CancellationToken cancellationToken)
    {
        while (_strays.TryDequeue(out KeyValue? stray))
        {
            if (keys.NameOf(stray.Key) != State.Own.Lease.Key)
            {
                await retry.UntilDoneAsync(
                    What, token => taker.DropStrayAsync(stray, token), pause: null, cancellationToken);
                Log.StrayDropped(logger, stray.Key);
            }
        }
    }

    private Task<OwnLease> RetryAsync(
        Func<CancellationToken, Task<OwnLease>> attempt, CancellationToken cancellationToken) =>
        retry.UntilDoneAsync(
            What,
            attempt,
            (e, token) => e is NoSubnetException none ? taker.WaitForRoomAsync(none, token) : null,
            cancellationToken);

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

        [LoggerMessage(LogLevel.Warning, "Lease {Key} is deleted: a write of this node's that came too late")]
        internal static partial void StrayDropped(ILogger logger, string key);
    }
}

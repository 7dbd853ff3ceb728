using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// The leases' keys as they change: one list, then a watch from the revision after it, for ever. One reader.
/// </summary>
/// <remarks>
/// A lost watch goes on from the last revision seen, once etcd has shown that it still knows that past. Where it does
/// not (compacted, another cluster, wiped or restored and written since), all keys are listed again; and once a day for
/// what nobody thought of.
/// </remarks>
/// <param name="list">To begin with; null: it is asked for.</param>
internal sealed partial class LeaseFeed(
    EtcdClient client, KeyRange range, RangeResponse? list, EtcdRetry retry, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private const string What = "Watch of the leases";

    // A watch that has stood as long is no part of the last fault.
    private static readonly TimeSpan s_steadyAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_listsAgainAfter = TimeSpan.FromDays(1);

    private readonly Backoff _backoff = retry.NewBackoff();
    private readonly FaultLog _faults = new(time);
    private readonly StorePast _past = new();
    private RangeResponse? _given = list;
    private EtcdWatch? _watch;
    private long _listedAt;
    private TimeSpan _lasted;        // the last fault, until this watch was opened
    private Absence _absence = Absence.Missed;    // what the next list will mean
    private bool _isSteady;
    private bool _hasListedAgain;    // since the last steady watch

    /// <summary>Waits for the next batch, through whatever faults. Ends only with the token.</summary>
    internal async Task<FeedBatch> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                FeedBatch? batch = _past.IsKnown
                    ? await WatchAsync(cancellationToken)
                    : await ListAsync(cancellationToken);
                if (batch is not null)
                {
                    return batch;
                }

                continue;
            }
            catch (EtcdException e)
            {
                await CloseWatchAsync();
                if (IsToList(e))
                {
                    continue;
                }
            }

            await _backoff.WaitAsync(cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => CloseWatchAsync();

    /// <summary>What to do about a fault: list again at once, or wait and go on.</summary>
    private bool IsToList(EtcdException e)
    {
        if (e.Status is GrpcStatus.OutOfRange)
        {
            _past.Forget();
            _absence = e.IsCompacted ? Absence.Missed : Absence.Unproven;
            if (_faults.Occurred(e.Message))
            {
                Log.ListsAgain(logger, e.Message);
            }

            // At once, but not again and again.
            bool isFirst = !_hasListedAgain;
            _hasListedAgain = true;
            return isFirst;
        }

        if (e.Status == GrpcStatus.Cancelled)
        {
            client.ForgetToken();
        }

        if (e.IsUnavailable)
        {
            client.MoveOn();
        }

        retry.Say(What, _faults, e);
        return false;
    }

    private async Task<FeedBatch> ListAsync(CancellationToken cancellationToken)
    {
        RangeResponse all =
            Interlocked.Exchange(ref _given, null) ?? await client.ListAsync(range, cancellationToken);
        _past.Learn(all);
        _listedAt = time.GetTimestamp();
        return new FeedBatch(all.Kvs, [], all.Header.Revision, _absence);
    }

    private async Task<FeedBatch?> WatchAsync(CancellationToken cancellationToken)
    {
        _watch ??= await OpenAsync(cancellationToken);
        WatchResponse response = await ReadAsync(_watch, cancellationToken);
        _past.Learn(response);
        long liveAfter = _watch.Created.Revision;
        if (time.GetElapsedTime(_listedAt) > s_listsAgainAfter)
        {
            _absence = Absence.Missed;
            await CloseWatchAsync();
            _past.Forget();
        }

        return response.Events.Count > 0
            ? new FeedBatch(
                null,
                response.Events,
                _past.Seen.Revision,
                response.Events[0].Kv.ModRevision > liveAfter ? Absence.Heard : Absence.Missed)
            : null;
    }

    private async Task<EtcdWatch> OpenAsync(CancellationToken cancellationToken)
    {
        if (_past.Question() is RangeRequest question)
        {
            _past.Verify(await client.RangeAsync(question, cancellationToken));
        }

        EtcdWatch watch = await client.WatchAsync(
            new WatchCreateRequest(range, _past.Seen.Revision + 1), cancellationToken);
        try
        {
            _past.Verify(watch.Created);
        }
        catch
        {
            await watch.DisposeAsync();
            throw;
        }

        _isSteady = false;
        _lasted = _faults.Duration;
        retry.SayReached();
        return watch;
    }

    /// <summary>What the watch says next. When that is soon, or nothing for a while, the last fault is over.</summary>
    private async Task<WatchResponse> ReadAsync(EtcdWatch watch, CancellationToken cancellationToken)
    {
        if (_isSteady)
        {
            return await watch.ReadAsync(cancellationToken);
        }

        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<WatchResponse> read = watch.ReadAsync(cancellationToken);
        await Task.WhenAny(read, Task.Delay(s_steadyAfter, time, ended.Token));
        await ended.CancelAsync();
        if (!read.IsCompleted || read.IsCompletedSuccessfully)
        {
            _isSteady = true;
            _hasListedAgain = false;
            _past.Trust();
            _backoff.Reset();
            retry.SayOver(What, _faults, _lasted);
        }

        return await read;
    }

    private async ValueTask CloseWatchAsync()
    {
        _past.Doubt();
        if (_watch is not null)
        {
            EtcdWatch watch = _watch;
            _watch = null;
            await watch.DisposeAsync();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Leases are listed again: {Cause}")]
        internal static partial void ListsAgain(ILogger logger, string cause);
    }
}

using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>What the store says next: all keys, or what happened to some since.</summary>
/// <param name="All">Null: only the events count.</param>
internal sealed record FeedBatch(IReadOnlyList<KeyValue>? All, IReadOnlyList<WatchEvent> Events);

/// <summary>
/// The leases' keys as they change: one list, then a watch from the revision after it, for ever. One reader.
/// </summary>
/// <remarks>
/// A lost watch goes on from the last revision seen. Where etcd no longer has that, or is not the etcd it was (another
/// cluster, or its revisions went back with a restored disk), all keys are listed again. An empty list after one that
/// was not counts only when read twice: it would cut this node off from all others.
/// </remarks>
internal sealed partial class LeaseFeed(
    EtcdClient client, KeyRange range, EtcdRetry retry, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const string What = "Watch of the leases";

    private static readonly TimeSpan s_confirmAfter = TimeSpan.FromSeconds(1);

    private readonly Backoff _backoff = Backoff.ForRequests(time);
    private readonly FaultLog _faults = new(time);
    private EtcdWatch? _watch;
    private ResponseHeader _seen;
    private bool _isListed;
    private bool _isFilled;    // was there any key, at the last list or since?

    /// <summary>Waits for the next batch, through whatever faults. Ends only with the token.</summary>
    internal async Task<FeedBatch> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                FeedBatch? batch = _isListed
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
                Judge(e);
            }

            await _backoff.WaitAsync(cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => CloseWatchAsync();

    private void Judge(EtcdException e)
    {
        if (e.Status == GrpcStatus.OutOfRange)
        {
            _isListed = false;
            Log.ListsAgain(logger, e.Message);
            return;
        }

        if (e.Status == GrpcStatus.Cancelled)
        {
            client.ForgetToken();
        }

        retry.Say(What, _faults, e);
    }

    private async Task<FeedBatch> ListAsync(CancellationToken cancellationToken)
    {
        RangeResponse list = await client.RangeAsync(new RangeRequest(range), cancellationToken);
        if (list.Kvs.Count == 0 && _isFilled)
        {
            Log.EmptyList(logger, s_confirmAfter.TotalSeconds);
            await Task.Delay(s_confirmAfter, time, cancellationToken);
            list = await client.RangeAsync(new RangeRequest(range), cancellationToken);
        }

        _seen = list.Header;
        _isListed = true;
        _isFilled = list.Kvs.Count > 0;
        return new FeedBatch(list.Kvs, []);
    }

    private async Task<FeedBatch?> WatchAsync(CancellationToken cancellationToken)
    {
        if (_watch is null)
        {
            _watch = await client.WatchAsync(new WatchCreateRequest(range, _seen.Revision + 1), cancellationToken);
            if (_watch.Created.ClusterId != _seen.ClusterId || _watch.Created.Revision < _seen.Revision)
            {
                // It would wait in silence for a revision that is years away.
                throw new EtcdException(
                    GrpcStatus.OutOfRange,
                    $"etcd is not the one it was: at revision {_watch.Created.Revision} after {_seen.Revision}");
            }

            retry.SayOver(What, _faults);
        }

        WatchResponse response = await _watch.ReadAsync(cancellationToken);
        _backoff.Reset();

        // The header of a watch that lags behind is ahead of its events.
        long revision = response.Events.Count > 0 ? response.Events[^1].Kv.ModRevision : response.Header.Revision;
        _seen = _seen with { Revision = Math.Max(_seen.Revision, revision) };
        _isFilled |= response.Events.Count > 0;
        return response.Events.Count > 0 ? new FeedBatch(null, response.Events) : null;
    }

    private async ValueTask CloseWatchAsync()
    {
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

        [LoggerMessage(LogLevel.Warning, "List of the leases is empty and was not before: read again in {Seconds} s")]
        internal static partial void EmptyList(ILogger logger, double seconds);
    }
}

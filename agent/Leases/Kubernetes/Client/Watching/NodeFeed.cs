using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>
/// The Nodes as they change: one list, then a watch from its version on, for ever. One owner, one run.
/// </summary>
/// <remarks>
/// A watch that ends goes on from the last version seen. Where the server no longer has that, the Nodes are listed
/// again and compared: at the version seen or a later one, so that nothing goes back in time, and only if the server
/// cannot do that as they are in its store. A list without any Node is not believed, as this node's own has to be in
/// it: peers that we know stay.
/// </remarks>
internal sealed partial class NodeFeed
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestAway = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_firstRefused = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestRefused = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromMinutes(1);

    private readonly KubeTransport _transport;
    private readonly NodeFormat _format;
    private readonly NodeTable _book = new();
    private readonly NodeLister _lister;
    private readonly NodeWatcher _watcher;
    private readonly LatestNodes _latest;
    private readonly ILogger _logger;
    private readonly Action<bool> _onReached;
    private readonly FaultLog _faults;
    private readonly Backoff _whileAway;       // nobody answers: asking costs a server that is not there nothing
    private readonly Backoff _whileRefused;    // it answers, and has enough to do
    private bool _isListed;
    private bool _mustBeLatest;

    internal NodeFeed(
        KubeTransport transport, NodeFormat format, LatestNodes latest, ILogger logger, Action<bool> onReached)
    {
        _transport = transport;
        _format = format;
        _lister = new NodeLister(transport, format, _book, logger);
        _watcher = new NodeWatcher(transport, format, _book, logger);
        _latest = latest;
        _logger = logger;
        _onReached = onReached;
        _faults = new FaultLog(transport.Time);
        _whileAway = new Backoff(s_first, s_longestAway, transport.Time);
        _whileRefused = new Backoff(s_firstRefused, s_longestRefused, transport.Time);
    }

    /// <summary>Ends only with the token.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (!_isListed)
                {
                    await ListAsync(cancellationToken);
                }

                await WatchAsync(cancellationToken);
                continue;
            }
            catch (KubeApiException e)
            {
                if (Judge(e) is { } pause)
                {
                    await Task.Delay(pause, _transport.Time, cancellationToken);
                }
            }
        }
    }

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        NodeList list = _mustBeLatest ? await _lister.LatestAsync(cancellationToken)
            : _watcher.Seen.Length == 0 ? await _lister.AnyAsync(cancellationToken)
            : await _lister.NotOlderThanAsync(_watcher.Seen, cancellationToken);
        if (list.Nodes.Count == 0 && !_mustBeLatest)
        {
            list = await _lister.LatestAsync(cancellationToken);
        }

        if (list.Nodes.Count == 0)
        {
            _mustBeLatest = true;
            throw new KubeApiException(
                0, "", $"list nodes at {_transport.Server}: it has no node at all, not even this one's; not believed,"
                    + $" {_book.Count} nodes are kept");
        }

        _book.Replace(list.Nodes);
        _watcher.Seen = list.ResourceVersion;
        _isListed = true;
        _mustBeLatest = false;
        Publish();
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        WatchEnd end = await _watcher.FollowAsync(SayOver, Publish, cancellationToken);
        if (end == WatchEnd.Over)
        {
            return;
        }

        _isListed = false;
        if (end == WatchEnd.AtOnce)
        {
            throw new KubeApiException(0, "", $"watch nodes at {_transport.Server}: it ended as soon as it began");
        }

        Log.ListsAgain(_logger, "the watch said nothing for too long");
    }

    private void Publish()
    {
        _format.Worked();
        _whileAway.Reset();
        _whileRefused.Reset();
        if (_book.Take() is { } snapshot)
        {
            _latest.Post(snapshot);
        }
    }

    /// <returns>How long to wait; null: not at all.</returns>
    private TimeSpan? Judge(KubeApiException e)
    {
        _onReached(!e.IsUnreachable);

        // Before an error in the stream there may have been events.
        if (_book.Take() is { } snapshot)
        {
            _latest.Post(snapshot);
        }

        bool wasListed = _isListed;

        // What cannot be read would not be better the second time.
        bool isUnreadable = e.InnerException is InvalidDataException;
        _isListed &= !isUnreadable && (e.IsUnreachable || e.Status is 401 or 403 or 408 or 429 or >= 500);
        if (e.IsGone && wasListed)
        {
            Log.ListsAgain(_logger, e.Message);
            return null;
        }

        // A version that is gone, or that the server has not reached and after a restored backup never will.
        _mustBeLatest |= !wasListed && (e.IsGone || e.Status is 400 or 504);
        Say(e);
        if (_format.Judge(e))
        {
            Log.JsonOnly(_logger);
        }

        TimeSpan pause = (e.IsUnreachable ? _whileAway : _whileRefused).Next();
        return e.RetryAfter is not { } asked || asked <= pause ? pause
            : (asked < s_longestAsked ? asked : s_longestAsked) + (pause / 2);
    }

    private void Say(KubeApiException e)
    {
        if (_faults.Occurred(e.Message))
        {
            Log.Waits(_logger, e.Message);
        }
    }

    private void SayOver()
    {
        _onReached(true);
        if (_faults.IsFaulty)
        {
            Log.GoesOn(_logger, _faults.Duration.TotalSeconds);
            _faults.Over();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Watch of the nodes waits for the API server, trying again: {Cause}")]
        internal static partial void Waits(ILogger logger, string cause);

        [LoggerMessage(
            LogLevel.Information, "Watch of the nodes no longer waits for the API server, after {Seconds:0.0} s")]
        internal static partial void GoesOn(ILogger logger, double seconds);

        [LoggerMessage(LogLevel.Information, "Nodes are listed again: {Cause}")]
        internal static partial void ListsAgain(ILogger logger, string cause);

        [LoggerMessage(
            LogLevel.Warning, "The API server has no protobuf that can be read: from now on JSON is asked for")]
        internal static partial void JsonOnly(ILogger logger);
    }
}

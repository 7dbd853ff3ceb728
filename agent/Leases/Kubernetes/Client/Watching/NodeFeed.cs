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
/// it: peers that we know stay. A server that is starting or stopping may take a watch and end it at once: that is no
/// reason for a list, unless it goes on so.
/// </remarks>
internal sealed partial class NodeFeed
{
    private readonly KubeTransport _transport;
    private readonly NodeFormat _format;
    private readonly NodeTable _book = new();
    private readonly NodeLister _lister;
    private readonly NodeWatcher _watcher;
    private readonly LatestNodes _latest;
    private readonly ILogger _logger;
    private readonly Action<bool> _onReached;
    private readonly FaultLog _faults;
    private readonly WatchPace _pace;
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
        _pace = new WatchPace(transport.Time);
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
            }
            catch (KubeApiException e)
            {
                await Task.Delay(Judge(e), _transport.Time, cancellationToken);
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
        switch (await _watcher.FollowAsync(OnOpen, OnRead, cancellationToken))
        {
            case WatchEnd.Silence:
                // A server that hung has all its agents back at once: a list of each would be too much for it.
                Log.WatchesAgain(_logger, _transport.Server, _transport.WatchSilence.TotalSeconds);
                break;

            case WatchEnd.Nothing:
                _isListed = false;
                Log.ListsAgain(_logger, "the watch said nothing for too long");
                break;

            case WatchEnd.Server:
                TimeSpan pause = _pace.AfterEnd(out bool isDoubtful, out bool mustList);
                _isListed = !mustList;
                if (isDoubtful)
                {
                    Say($"watch nodes at {_transport.Server}: it ended as soon as it began");
                }

                await Task.Delay(pause, _transport.Time, cancellationToken);
                break;
        }
    }

    private void OnRead()
    {
        _pace.Read();
        Publish();
    }

    private void Publish()
    {
        _format.Worked();
        if (_book.Take() is { } snapshot)
        {
            _latest.Post(snapshot);
        }
    }

    /// <returns>How long to wait.</returns>
    private TimeSpan Judge(KubeApiException e)
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
            return _pace.AfterGone();
        }

        // A version that is gone, or that the server has not reached and after a restored backup never will.
        _mustBeLatest |= !wasListed && (e.IsGone || e.Status is 400 or 504);
        Say(e.Message);
        if (_format.Judge(e))
        {
            Log.JsonOnly(_logger);
        }

        return _pace.AfterFault(e);
    }

    private void Say(string cause)
    {
        if (_faults.Occurred(cause))
        {
            Log.Waits(_logger, cause);
        }
    }

    private void OnOpen()
    {
        _pace.Opened();
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

        [LoggerMessage(
            LogLevel.Warning, "Watch of the nodes is begun again: {Server} sent nothing for {Seconds} s, no bookmark")]
        internal static partial void WatchesAgain(ILogger logger, Uri server, double seconds);

        [LoggerMessage(LogLevel.Information, "Nodes are listed again: {Cause}")]
        internal static partial void ListsAgain(ILogger logger, string cause);

        [LoggerMessage(
            LogLevel.Warning, "The API server has no protobuf that can be read: from now on JSON is asked for")]
        internal static partial void JsonOnly(ILogger logger);
    }
}

using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>Follows one watch to its end and keeps the book by it.</summary>
/// <remarks>
/// The server ends a watch after the time that was asked for: a random one, so that agents do not come back together. A
/// server that sends bookmarks does so every minute; when it is silent for longer, the watch is dead though the
/// connection is not: the server hangs, say.
/// </remarks>
internal sealed partial class NodeWatcher(KubeTransport transport, NodeFormat format, NodeTable book, ILogger logger)
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_late = TimeSpan.FromSeconds(30);

    // After something came: in a large cluster there are hundreds of heartbeats a second, and to wake up for each costs
    // more than to read it.
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(50);

    private bool _hasBookmarks;
    private string _lastComplaint = "";

    /// <summary>The version up to which the book is right.</summary>
    internal string Seen { get; set; } = "";

    /// <param name="onOpen">The server has taken it.</param>
    /// <param name="onRead">The book is right up to <see cref="Seen"/>.</param>
    /// <exception cref="KubeApiException">It was refused, cut, or reported an error.</exception>
    internal async Task<WatchEnd> FollowAsync(Action onOpen, Action onRead, CancellationToken cancellationToken)
    {
        TimeSpan length = s_shortest + ((s_longest - s_shortest) * Random.Shared.NextDouble());
        KubeRequest request = new(
            HttpMethod.Get,
            "watch nodes",
            $"api/v1/nodes?watch=true&allowWatchBookmarks=true&timeoutSeconds={(int)length.TotalSeconds}"
                + $"&resourceVersion={Uri.EscapeDataString(Seen)}")
        {
            Accept = format.Accept,
        };
        using KubeResponse response = await transport.SendAsync(request, cancellationToken);
        onOpen();
        long opened = transport.Time.GetTimestamp();
        INodeParser parser = format.OfWatch(response);
        bool isAny = false;
        try
        {
            await response.ReadAsync(
                async answer =>
                {
                    answer.Timer.Restart(Longest());
                    while (await answer.Body.FillAsync())
                    {
                        answer.Body.Consume(parser.Parse(answer.Body.Data));
                        if (Take(parser.Found))
                        {
                            isAny = true;
                            onRead();
                            answer.Timer.Restart(Longest());
                            await Task.Delay(s_gathering, transport.Time, answer.Timer.Token);
                        }
                    }

                    return true;
                },
                cancellationToken);
        }
        catch (KubeApiException) when (response.Timer.IsElapsed)
        {
            return isAny ? WatchEnd.Silence : WatchEnd.Nothing;
        }

        return !parser.IsComplete ? throw new KubeApiException(
                0, "", $"watch nodes at {transport.Server}: the connection was cut within an event")
            : isAny || transport.Time.GetElapsedTime(opened) < transport.WatchSilence ? WatchEnd.Server
            : WatchEnd.Nothing;

        TimeSpan Longest() => _hasBookmarks ? transport.WatchSilence : length + s_late;
    }

    /// <returns>True: there was something.</returns>
    private bool Take(ParsedNodes found)
    {
        foreach (string complaint in found.Complaints)
        {
            // It comes again with each heartbeat of the same Node.
            if (complaint != _lastComplaint)
            {
                Log.PassedOver(logger, complaint);
                _lastComplaint = complaint;
            }
        }

        bool isAny = found.Events.Count > 0;
        foreach (NodeEvent read in found.Events)
        {
            if (read.Error is { } error)
            {
                throw new KubeApiException(
                    error.Code,
                    error.Reason,
                    $"watch nodes at {transport.Server}: {error.Code} {error.Message}",
                    error.RetryAfterSeconds > 0 ? TimeSpan.FromSeconds(error.RetryAfterSeconds) : null);
            }

            if (read.Node is { } node)
            {
                book.Apply(read.Kind, node);
            }

            _hasBookmarks |= read.Kind == NodeEventKind.Bookmark;
            Seen = read.ResourceVersion.Length > 0 ? read.ResourceVersion : Seen;
        }

        found.Clear();
        return isAny;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Watch of the nodes: {Complaint}")]
        internal static partial void PassedOver(ILogger logger, string complaint);
    }
}

/// <summary>How a watch ended.</summary>
internal enum WatchEnd
{
    /// <summary>The server ended it.</summary>
    Server,

    /// <summary>It fell silent, for longer than a server that is well.</summary>
    Silence,

    /// <summary>For so long there was nothing at all in it that the version it began from cannot be right.</summary>
    Nothing,
}

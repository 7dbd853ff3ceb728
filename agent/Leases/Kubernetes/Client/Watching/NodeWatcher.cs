using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>Follows one watch to its end and keeps the book by it.</summary>
/// <remarks>
/// The server ends a watch after the time that was asked for: a random one, so that agents do not come back together. A
/// server that sends bookmarks does so every minute; when it is silent for longer, the watch is dead though the
/// connection is not.
/// </remarks>
internal sealed partial class NodeWatcher(KubeTransport transport, NodeFormat format, NodeTable book, ILogger logger)
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_late = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_silence = TimeSpan.FromMinutes(3);

    // After something came: in a large cluster there are hundreds of heartbeats a second, and to wake up for each costs
    // more than to read it.
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(20);

    private bool _hasBookmarks;
    private string _lastComplaint = "";

    /// <summary>The version up to which the book is right.</summary>
    internal string Seen { get; set; } = "";

    /// <param name="onOpen">The server has taken it.</param>
    /// <param name="onRead">The book is right up to <see cref="Seen"/>.</param>
    /// <returns>True: for so long there was nothing that it cannot be right. Else the server ended it.</returns>
    /// <exception cref="KubeApiException">It was refused, cut, or reported an error.</exception>
    internal async Task<bool> FollowAsync(Action onOpen, Action onRead, CancellationToken cancellationToken)
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
                    answer.Timer.Restart(_hasBookmarks ? s_silence : length + s_late);
                    while (await answer.Body.FillAsync())
                    {
                        answer.Body.Consume(parser.Parse(answer.Body.Data));
                        if (Take(parser.Found))
                        {
                            isAny = true;
                            onRead();
                            await Task.Delay(s_gathering, transport.Time, answer.Timer.Token);
                        }
                    }

                    return true;
                },
                cancellationToken);
        }
        catch (KubeApiException) when (response.Timer.IsElapsed)
        {
            return true;
        }

        return parser.IsComplete
            ? !isAny && transport.Time.GetElapsedTime(opened) >= s_silence
            : throw new KubeApiException(
                0, "", $"watch nodes at {transport.Server}: the connection was cut within an event");
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

using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.Channels;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// Kubernetes Events about this node, for those who look there and not into logs: <c>kubectl describe node</c>. Nothing
/// depends on them, and nobody waits for them.
/// </summary>
/// <remarks>
/// An Event's name follows from what it says: the server keeps one of each, however often and by however many agents of
/// this node it is said, and forgets it after an hour.
/// </remarks>
internal sealed partial class NodeEvents(INodeApi api, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    /// <summary>Where Events about what is in no namespace have to be.</summary>
    private const string Namespace = "default";

    private const string Component = "flanneld";
    private const int MaxMessage = 1024;         // of the API
    private const int MaxNodeInName = 220;       // of 253, the rest is the hash
    private const int MaxWaiting = 16;
    private const int MaxTries = 6;

    private static readonly TimeSpan s_again = TimeSpan.FromMinutes(15);
    private static readonly JsonWriterOptions s_options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Reason, string Message), long> _posted = [];
    private readonly Channel<(string Node, string Reason, string Message)> _waiting =
        Channel.CreateBounded<(string, string, string)>(
            new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });

    private Task? _sending;
    private bool _isRefusalSaid;

    /// <summary>
    /// Says it, at most once in a quarter of an hour: the caller need not know what it has said. Returns at once.
    /// </summary>
    /// <param name="reason">One word in Pascal case.</param>
    internal void Post(string node, string reason, string message)
    {
        lock (_lock)
        {
            bool isNew = !_posted.TryGetValue((reason, message), out long at);
            if (isNew || time.GetElapsedTime(at) >= s_again)
            {
                if (_posted.Count >= MaxWaiting)
                {
                    _posted.Clear();
                }

                _posted[(reason, message)] = time.GetTimestamp();
                _waiting.Writer.TryWrite((node, reason, message));
                _sending ??= SendAllAsync(_stop.Token);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_sending is { } sending)
        {
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stop.Dispose();
    }

    /// <summary>An Event as the API takes it. Pure.</summary>
    internal static ReadOnlyMemory<byte> Compose(string node, string reason, string message, DateTimeOffset now)
    {
        string text = message.Length <= MaxMessage ? message : $"{message[..(MaxMessage - 1)]}…";
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{reason}\n{text}"));
        string prefix = node.Length <= MaxNodeInName ? node : node[..MaxNodeInName];
        string at = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        ArrayBufferWriter<byte> bytes = new(1024);
        using Utf8JsonWriter json = new(bytes, s_options);
        json.WriteStartObject();
        json.WriteString("apiVersion"u8, "v1");
        json.WriteString("kind"u8, "Event");
        json.WriteStartObject("metadata"u8);
        json.WriteString("name"u8, $"{prefix}.{Convert.ToHexStringLower(hash.AsSpan(0, 8))}");
        json.WriteString("namespace"u8, Namespace);
        json.WriteEndObject();
        json.WriteStartObject("involvedObject"u8);
        json.WriteString("apiVersion"u8, "v1");
        json.WriteString("kind"u8, "Node");
        json.WriteString("name"u8, node);
        json.WriteString("uid"u8, node);    // as the kubelet does, so that all are shown together
        json.WriteEndObject();
        json.WriteString("type"u8, "Warning");
        json.WriteString("reason"u8, reason);
        json.WriteString("message"u8, text);
        json.WriteStartObject("source"u8);
        json.WriteString("component"u8, Component);
        json.WriteString("host"u8, node);
        json.WriteEndObject();
        json.WriteString("reportingComponent"u8, Component);
        json.WriteString("reportingInstance"u8, node);
        json.WriteString("firstTimestamp"u8, at);
        json.WriteString("lastTimestamp"u8, at);
        json.WriteNumber("count"u8, 1);
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenMemory;
    }

    private async Task SendAllAsync(CancellationToken cancellationToken)
    {
        await foreach ((string node, string reason, string message) in _waiting.Reader.ReadAllAsync(cancellationToken))
        {
            await SendAsync(Compose(node, reason, message, time.GetUtcNow()), reason, cancellationToken);
        }
    }

    private async Task SendAsync(
        ReadOnlyMemory<byte> json, string reason, CancellationToken cancellationToken)
    {
        Backoff backoff = Backoff.ForRequests(time);
        for (int tries = 1; ; tries++)
        {
            try
            {
                await api.CreateEventAsync(Namespace, json, cancellationToken);
                return;
            }
            catch (KubeApiException e) when (e.Reason == "AlreadyExists")
            {
                return;
            }
            catch (KubeApiException e) when (!e.IsTransient || tries == MaxTries)
            {
                SayRefusal(reason, e.Message);
                return;
            }
            catch (KubeApiException e)
            {
                Log.TriedAgain(logger, reason, e.Message);
            }

            await backoff.WaitAsync(cancellationToken);
        }
    }

    private void SayRefusal(string reason, string cause)
    {
        if (!_isRefusalSaid)
        {
            _isRefusalSaid = true;
            Log.NotWritten(logger, reason, cause);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Debug, "Event {Reason} is tried again: {Cause}")]
        internal static partial void TriedAgain(ILogger logger, string reason, string cause);

        [LoggerMessage(
            LogLevel.Warning,
            "Kubernetes Events cannot be written, nor will this be said again; nothing else depends on it ({Reason}): "
            + "{Cause}")]
        internal static partial void NotWritten(ILogger logger, string reason, string cause);
    }
}

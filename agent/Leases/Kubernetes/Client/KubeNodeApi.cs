using System.Runtime.CompilerServices;
using System.Text.Json;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using FlannelCni.Agent.Leases.Kubernetes.Client.Watching;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes.Client;

/// <summary>The Kubernetes API over HTTP.</summary>
internal sealed partial class KubeNodeApi : INodeApi
{
    private const string StrategicMergePatch = "application/strategic-merge-patch+json";

    private readonly KubeTransport _transport;
    private readonly NodeFormat _format;
    private readonly ILogger _logger;
    private readonly Action<bool> _onReached;

    /// <param name="onReached">Told whether the server answered, each time the watch learns it.</param>
    internal KubeNodeApi(
        KubeAccess access, AnnotationNames names, TimeProvider time, ILogger logger, Action<bool> onReached)
    {
        _transport = new KubeTransport(access, time);
        _format = new NodeFormat(names);
        _logger = logger;
        _onReached = onReached;
        Log.Uses(logger, access.Server, access.Source);
        foreach (string warning in access.Warnings)
        {
            Log.Warns(logger, warning);
        }
    }

    public string Server => _transport.Server.AbsoluteUri;

    public Task<NodeRecord> GetNodeAsync(string name, CancellationToken cancellationToken) =>
        AskForNodeAsync(
            new KubeRequest(HttpMethod.Get, $"get node {name}", $"api/v1/nodes/{Uri.EscapeDataString(name)}"),
            cancellationToken);

    public Task<NodeRecord> PatchNodeStatusAsync(
        string name, ReadOnlyMemory<byte> patch, CancellationToken cancellationToken) =>
        AskForNodeAsync(
            new KubeRequest(
                HttpMethod.Patch, $"patch node {name}", $"api/v1/nodes/{Uri.EscapeDataString(name)}/status")
            {
                ContentType = StrategicMergePatch,
                Content = patch,
            },
            cancellationToken);

    public Task<string?> FindNodeNameOfPodAsync(
        string podNamespace, string podName, CancellationToken cancellationToken) =>
        AskAsync(
            new KubeRequest(
                HttpMethod.Get,
                $"get pod {podNamespace}/{podName}",
                $"api/v1/namespaces/{Uri.EscapeDataString(podNamespace)}/pods/{Uri.EscapeDataString(podName)}"),
            static response => JsonObjects.FindNodeName(response.Body.Data),
            cancellationToken);

    public Task CreateEventAsync(
        string eventNamespace, ReadOnlyMemory<byte> @event, CancellationToken cancellationToken) =>
        AskAsync(
            new KubeRequest(
                HttpMethod.Post, "create event", $"api/v1/namespaces/{Uri.EscapeDataString(eventNamespace)}/events")
            {
                ContentType = KubeRequest.Json,
                Content = @event,
            },
            static _ => true,
            cancellationToken);

    public void Reconnect() => _transport.Reconnect();

    public async IAsyncEnumerable<NodeSnapshot> WatchNodesAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using CancellationTokenSource abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        LatestNodes latest = new();
        NodeFeed feed = new(_transport, _format, latest, _logger, _onReached);
        Task running = RunAsync(feed, latest, abandoned.Token);
        try
        {
            while (true)
            {
                yield return await latest.TakeAsync(cancellationToken);
            }
        }
        finally
        {
            await abandoned.CancelAsync();
            await running;
        }
    }

    public ValueTask DisposeAsync()
    {
        _transport.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Whatever ends the feed, a fault of ours too, reaches the reader.</summary>
    private static async Task RunAsync(NodeFeed feed, LatestNodes latest, CancellationToken cancellationToken)
    {
        try
        {
            await feed.RunAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The reader has the same token.
        }
        catch (Exception e)
        {
            latest.Complete(e);
        }
    }

    private async Task<NodeRecord> AskForNodeAsync(KubeRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(
                request with { Accept = _format.Accept },
                response => _format.ReadNode(response, response.Body.Data),
                cancellationToken);
        }
        catch (KubeApiException e)
        {
            _ = _format.Judge(e);
            throw;
        }
    }

    private async Task<T> AskAsync<T>(
        KubeRequest request, Func<KubeResponse, T> read, CancellationToken cancellationToken)
    {
        using KubeResponse response = await _transport.SendAsync(request, cancellationToken);
        return await response.ReadAsync(
            async answer =>
            {
                while (await answer.Body.FillAsync())
                {
                }

                try
                {
                    return read(answer);
                }
                catch (JsonException e)
                {
                    throw new InvalidDataException(e.Message, e);
                }
            },
            cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "API server: {Server} ({Source})")]
        internal static partial void Uses(ILogger logger, Uri server, string source);

        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        internal static partial void Warns(ILogger logger, string warning);
    }
}

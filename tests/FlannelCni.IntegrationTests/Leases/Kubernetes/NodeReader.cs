using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.Leases.Kubernetes;

/// <summary>An agent's client of the API, and what its watch of the nodes has told so far.</summary>
internal sealed class NodeReader : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TestFolder _folder = new();
    private Task _reading = Task.CompletedTask;
    private volatile NodeSnapshot? _latest;
    private int _snapshots;

    private NodeReader()
    {
    }

    internal KubeNodeApi Api { get; private set; } = null!;    // by With, before anybody has this

    internal LogLines Log { get; } = new();

    /// <summary>How many snapshots there were.</summary>
    internal int Snapshots => Volatile.Read(ref _snapshots);

    internal NodeSnapshot Latest => _latest ?? throw new InvalidOperationException("there was no snapshot yet");

    internal IEnumerable<string> Names => Latest.Nodes.Keys.Order();

    /// <param name="kubeconfig">Null: with the server's own token.</param>
    /// <param name="silence">After what silence a watch counts as lost; null: as usual.</param>
    internal static NodeReader Create(
        KubeApiServer server, string? kubeconfig = null, TimeProvider? time = null, TimeSpan? silence = null)
    {
        NodeReader reader = new();
        string file = reader._folder.File("kubeconfig");
        File.WriteAllText(file, kubeconfig ?? server.Kubeconfig($"token: {server.Token}"));
        KubeAccess access = KubeAccessFinder.Find(
            null, file, new Dictionary<string, string>(), "", TimeProvider.System);
        access = silence is { } longest ? access with { WatchSilence = longest } : access;
        return reader.With(access, time ?? TimeProvider.System);
    }

    internal static NodeReader Create(KubeAccess access) => new NodeReader().With(access, TimeProvider.System);

    /// <summary>Begins to watch, and waits for the first snapshot.</summary>
    internal async Task<NodeReader> WatchAsync()
    {
        Start();
        await Wait.Until(() => _latest is not null, TimeSpan.FromSeconds(20), () => $"there is a list: {Said}");
        return this;
    }

    internal void Start() => _reading = ReadAsync();

    internal Task WaitAsync(Func<NodeSnapshot, bool> condition, string because) => Wait.Until(
        () => _latest is { } latest && condition(latest), TimeSpan.FromSeconds(20), () => $"{because}: {Said}");

    internal string Said => string.Join('\n', Log.Lines);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        await Api.DisposeAsync();
        _stop.Dispose();
        _folder.Dispose();
    }

    private NodeReader With(KubeAccess access, TimeProvider time)
    {
        Api = new KubeNodeApi(access, AnnotationNames.Of("flannel.alpha.coreos.com"), time, Log, static _ => { });
        return this;
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (NodeSnapshot snapshot in Api.WatchNodesAsync(_stop.Token))
            {
                _latest = snapshot;
                Interlocked.Increment(ref _snapshots);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // As asked.
        }
    }
}

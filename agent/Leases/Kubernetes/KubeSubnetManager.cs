using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// The leases of Nodes: the subnet is the pod CIDR that the cluster gave, the rest is in annotations that upstream's
/// agents read and write too.
/// </summary>
internal sealed partial class KubeSubnetManager : ISubnetManager
{
    /// <summary>The backend that wants to know of no peer.</summary>
    private const string Alloc = "alloc";

    // How long the API may take to answer before what was kept on disk is used.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_lookInterval = TimeSpan.FromSeconds(20);

    private readonly KubeSettings _settings;
    private readonly INodeApi _api;
    private readonly KubeRetry _retry;
    private readonly NodeEvents _events;
    private readonly OwnNodeKeeper _keeper;
    private readonly NodeStateFile _file;
    private readonly NodeStateSaver _saver;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    private NodeRecord? _own;
    private NetworkConfig? _network;
    private ImmutableDictionary<string, NodeRecord>? _kept;    // what was on disk, where the own Node was taken from it

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="api">Owned from here on.</param>
    /// <param name="onReached">Told whether the API answers.</param>
    /// <param name="onWaiting">Told what the start is waiting for.</param>
    internal KubeSubnetManager(
        KubeSettings settings,
        INodeApi api,
        TimeProvider time,
        ILogger logger,
        Action<bool> onReached,
        Action<string> onWaiting)
    {
        (_settings, _api, _time, _logger) = (settings, api, time, logger);
        _retry = new KubeRetry(time, logger, onReached, onWaiting);
        _events = new NodeEvents(api, time, logger);
        _file = new NodeStateFile(settings.StateDirectory, settings.Annotations, logger);
        _saver = new NodeStateSaver(_file, time);
        OwnNodeReport report = new(settings.Annotations, _events, time, logger);
        _keeper = new OwnNodeKeeper(api, settings.Annotations, _retry, report, onWaiting, time);
    }

    private NodeRecord Own => _own ?? throw new InvalidOperationException("the own Node has not been read yet");

    private NetworkConfig Network =>
        _network ?? throw new InvalidOperationException("no lease has been acquired yet");

    /// <inheritdoc/>
    public Task<NetworkConfig> ReadNetworkConfigAsync(CancellationToken cancellationToken) =>
        Task.FromResult(_settings.ReadNetworkConfig());

    /// <inheritdoc/>
    public async Task<NodeFacts> ReadNodeAsync(CancellationToken cancellationToken)
    {
        string name = await _settings.FindNodeNameAsync(_api, _retry, cancellationToken);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bool isAbsent = false;
        Task<NodeRecord> read = _retry.UntilDoneAsync("Own Node", ReadOnceAsync, ended.Token);
        await Task.WhenAny(read, Task.Delay(s_patience, _time, ended.Token));
        if (!read.IsCompleted && !isAbsent && _file.Read(name) is { } kept)
        {
            await ended.CancelAsync();
            await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            Log.UsesKept(_logger, kept.Count - 1);
            (_kept, _own) = (kept, kept[name]);
        }

        _own ??= await read;
        return NodeFactsReader.Read(_own, _settings.Annotations, NodeFacts.Unknown);

        async Task<NodeRecord> ReadOnceAsync(CancellationToken token)
        {
            try
            {
                return await _api.GetNodeAsync(name, token);
            }
            catch (KubeApiException e) when (e.IsNotFound)
            {
                isAbsent = true;    // an answer: what was kept is of a Node that is no more
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public Task<Lease> AcquireAsync(
        NetworkConfig network, LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        _network = network;
        return _keeper.AcquireAsync(Own, isLive: _kept is null, network, attributes, cancellationToken);
    }

    /// <inheritdoc/>
    public Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken) =>
        _keeper.PublishAsync(attributes, cancellationToken);

    /// <inheritdoc/>
    public void SetUp()
    {
        if (_settings.SaysUp)
        {
            _keeper.SetUp();
        }
    }

    /// <inheritdoc/>
    public Task KeepAsync(CancellationToken cancellationToken) => Supervised.RunAllAsync(
        [("own Node", _keeper.KeepAsync), ("state file", _saver.RunAsync)], cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<LeaseSnapshot> WatchAsync(CancellationToken cancellationToken) => new NodeLeaseWatch(
        Own,
        _settings.Annotations,
        _keeper,
        new NodeBook(Own.Name, Network, _settings.Annotations, _logger),
        new NodeConflicts(_settings.Annotations, _events, _logger),
        _saver,
        Network.BackendType == Alloc ? LookAtOwnAsync : _api.WatchNodesAsync,
        FindKeptAsync).RunAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _events.DisposeAsync();
        _keeper.Dispose();
        await _api.DisposeAsync();
    }

    /// <summary>What was kept on disk, if the first list takes its time.</summary>
    private async Task<ImmutableDictionary<string, NodeRecord>?> FindKeptAsync(
        Task list, CancellationToken cancellationToken)
    {
        if (_kept is { } kept)
        {
            _kept = null;
            return kept;
        }

        await Task.WhenAny(list, Task.Delay(s_patience, _time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        return list.IsCompleted ? null : _file.Read(Own.Name);
    }

    /// <summary>Without any watch: a thousand nodes without peers need not know of each other.</summary>
    private async IAsyncEnumerable<NodeSnapshot> LookAtOwnAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        NodeRecord? said = null;
        while (true)
        {
            NodeRecord now = await _keeper.ReadAsync(Own.Name, cancellationToken);
            if (now != said)
            {
                yield return new NodeSnapshot(
                    ImmutableDictionary<string, NodeRecord>.Empty.Add(now.Name, now),
                    said is null ? null : [now.Name]);
                said = now;
            }

            await Task.Delay(s_lookInterval * (0.5 + Random.Shared.NextDouble()), _time, cancellationToken);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            LogLevel.Warning,
            "The Kubernetes API is away: this node's lease and those of {Peers} peers are taken from disk, as they "
            + "were last known")]
        internal static partial void UsesKept(ILogger logger, int peers);
    }
}

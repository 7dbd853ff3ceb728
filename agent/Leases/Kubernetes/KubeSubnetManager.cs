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
    private TimeSpan _patienceLeft = s_patience;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="api">Owned from here on.</param>
    /// <param name="onReached">Told whether the API answers.</param>
    /// <param name="onWaiting">Told what the start is waiting for.</param>
    /// <param name="onTrouble">Told why new pods are reached by nobody; null: they are.</param>
    internal KubeSubnetManager(
        KubeSettings settings,
        INodeApi api,
        TimeProvider time,
        ILogger logger,
        Action<bool> onReached,
        Action<string> onWaiting,
        Action<string?> onTrouble)
    {
        (_settings, _api, _time, _logger) = (settings, api, time, logger);
        _retry = new KubeRetry(time, logger, onReached, onWaiting);
        _events = new NodeEvents(api, time, logger);
        _file = new NodeStateFile(settings.StateDirectory, settings.Annotations, settings.Pod, logger);
        _saver = new NodeStateSaver(_file, time);
        OwnNodeReport report = new(settings.Annotations, _events, time, logger);
        _keeper = new OwnNodeKeeper(api, settings.Annotations, _retry, report, onWaiting, onTrouble, time);
    }

    /// <inheritdoc/>
    public NodeFacts Node => NodeFactsReader.Read(Own, NodeFacts.Unknown);

    private NodeRecord Own => _own ?? throw new InvalidOperationException("the own Node has not been read yet");

    private NetworkConfig Network =>
        _network ?? throw new InvalidOperationException("no lease has been acquired yet");

    /// <inheritdoc/>
    /// <remarks>
    /// It is one with which this Node can be used: until then both are read again, as either may be mended.
    /// </remarks>
    public async Task<NetworkConfig> ReadNetworkConfigAsync(CancellationToken cancellationToken)
    {
        NetworkConfig network = _settings.ReadNetworkConfig();
        _own = await ReadOwnAsync(cancellationToken);
        NodeRecord usable = await _keeper.UsableAsync(
            _own, () => network = _settings.ReadNetworkConfig(), cancellationToken);
        _kept = ReferenceEquals(usable, _own) ? _kept : null;
        _own = usable;
        return network;
    }

    /// <inheritdoc/>
    public Task<Lease> AcquireAsync(
        NetworkConfig network, LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        _network = network;
        return _keeper.AcquireAsync(Own, isLive: _kept is null, network, attributes, cancellationToken);
    }

    /// <inheritdoc/>
    public Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        // A connection from an address that is gone is silent, which its pings would notice in half a minute.
        _api.Reconnect();
        return _keeper.PublishAsync(attributes, cancellationToken);
    }

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

    private async Task<NodeRecord> ReadOwnAsync(CancellationToken cancellationToken)
    {
        string name = _settings.NodeName ?? await AskAsync(
            "Node name", token => _settings.AskNodeNameAsync(_api, token), _file.FindOwn, cancellationToken);
        return await AskAsync("Own Node", token => _api.GetNodeAsync(name, token), FindKeptOwn, cancellationToken);

        NodeRecord? FindKeptOwn()
        {
            if (_file.Read(name) is not { } kept)
            {
                return null;
            }

            Log.UsesKept(_logger, name, kept.Count - 1);
            _kept = kept;
            return kept[name];
        }
    }

    /// <summary>What the API says; or what was kept on disk, where it says nothing.</summary>
    /// <param name="findKept">Null: nothing was kept.</param>
    private async Task<T> AskAsync<T>(
        string what, Func<CancellationToken, Task<T>> ask, Func<T?> findKept, CancellationToken cancellationToken)
        where T : class
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bool isAbsent = false;
        Task<T> asking = _retry.UntilDoneAsync(what, AskOnceAsync, ended.Token);
        await Task.WhenAny(asking, Task.Delay(_patienceLeft, _time, ended.Token));
        if (!asking.IsCompleted && !isAbsent && findKept() is { } kept)
        {
            await ended.CancelAsync();
            await ((Task)asking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            _patienceLeft = TimeSpan.Zero;
            return kept;
        }

        return await asking;

        async Task<T> AskOnceAsync(CancellationToken token)
        {
            try
            {
                return await ask(token);
            }
            catch (KubeApiException e) when (e.IsNotFound)
            {
                isAbsent = true;    // an answer: what was kept is of something that is no more
                throw;
            }
        }
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
            "The Kubernetes API is away: the lease of this node, {Name}, and those of {Peers} peers are taken from "
            + "disk, as they were last known")]
        internal static partial void UsesKept(ILogger logger, string name, int peers);
    }
}

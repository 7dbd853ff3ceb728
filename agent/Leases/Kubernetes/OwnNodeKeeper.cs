using System.Threading.Channels;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// This node's Node: takes the subnet that it was given, publishes under it, keeps it so. Whatever wakes it, it reads
/// the Node as it is and writes what differs from what has to be there.
/// </summary>
/// <param name="onWaiting">Told what the start is waiting for.</param>
/// <param name="onTrouble">Told why new pods are reached by nobody; null: they are.</param>
internal sealed class OwnNodeKeeper(
    INodeApi api,
    AnnotationNames names,
    KubeRetry retry,
    OwnNodeReport report,
    Action<string> onWaiting,
    Action<string?> onTrouble,
    TimeProvider time) : IDisposable
{
    private const string What = "Own Node";

    private static readonly TimeSpan s_problemInterval = TimeSpan.FromSeconds(1);

    // After a write: of a change that is undone at once a watch may say nothing.
    private static readonly TimeSpan s_proofInterval = TimeSpan.FromSeconds(10);

    // A watch that is up tells of each change at once. This is for one that is refused, or silent and not known to be.
    private static readonly TimeSpan s_lookInterval = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_peace = TimeSpan.FromSeconds(2);

    // Between two looks, whoever asks for them.
    private static readonly TimeSpan s_breath = TimeSpan.FromMilliseconds(500);

    // One of Acquire, Publish and Keep at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Many doubts, one look. Written by the watch, read by KeepAsync, never completed.
    private readonly Channel<bool> _doubts =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Backoff _contest = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), time);

    private NetworkConfig? _network;
    private LeaseAttributes _attributes = new(default, default, "", null, null);
    private HeldLease? _held;
    private string? _publishedOn;    // the uid of the Node on which the annotations were as they have to be
    private string? _upOn;           // and the condition
    private long _contestedAt;
    private TimeSpan _contestPause;    // since then; two that write at full speed would wear out the API server
    private TimeSpan _untilLook = s_lookInterval;
    private volatile bool _isUp;

    /// <summary>The lease held, and a task that ends when another is.</summary>
    /// <exception cref="InvalidOperationException">None was acquired.</exception>
    internal HeldLease Held =>
        Volatile.Read(ref _held) ?? throw new InvalidOperationException("no lease has been acquired yet");

    private NetworkConfig Network =>
        _network ?? throw new InvalidOperationException("no lease has been acquired yet");

    /// <summary>Reads the Node, through whatever faults.</summary>
    internal Task<NodeRecord> ReadAsync(string name, CancellationToken cancellationToken) =>
        retry.UntilDoneAsync(What, token => api.GetNodeAsync(name, token), cancellationToken);

    /// <summary>Waits until the Node can be used.</summary>
    /// <param name="node">As it was read last.</param>
    /// <param name="network">Read as often as the Node: either may be mended.</param>
    internal async Task<NodeRecord> UsableAsync(
        NodeRecord node, Func<NetworkConfig> network, CancellationToken cancellationToken)
    {
        while (OwnProblem.Find(node, network(), out _) is { } problem)
        {
            report.SayProblem(node.Name, problem, isHeld: false);
            onWaiting(problem.Message);
            await Task.Delay(s_problemInterval, time, cancellationToken);
            node = await ReadAsync(node.Name, cancellationToken);
        }

        return node;
    }

    /// <summary>
    /// Takes the lease. A Node that cannot be used yet is waited for; then the lease is published.
    /// </summary>
    /// <param name="node">As it was read last.</param>
    /// <param name="isLive">From the API; else it is what was kept, and is published when the API is back.</param>
    internal async Task<Lease> AcquireAsync(
        NodeRecord node,
        bool isLive,
        NetworkConfig network,
        LeaseAttributes attributes,
        CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            (_network, _attributes) = (network, attributes);
            NodeRecord usable = await UsableAsync(node, () => network, cancellationToken);
            Take(usable);
            if (isLive || !ReferenceEquals(usable, node))
            {
                _ = await HoldAsync(cancellationToken);
            }
            else
            {
                Doubt();
            }

            return Held.Lease;
        }
        finally
        {
            _turn.Release();
        }
    }

    internal async Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            (_attributes, _publishedOn) = (attributes, null);
            await HoldAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Ends only with the token.</summary>
    internal async Task KeepAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await WaitAsync(cancellationToken);
            await _turn.WaitAsync(cancellationToken);
            try
            {
                _ = await HoldAsync(cancellationToken);
            }
            finally
            {
                _turn.Release();
            }

            await Task.Delay(s_breath, time, cancellationToken);
        }
    }

    /// <summary>
    /// The Node as the watch has it; null: it is gone. Where it is not as it has to be, KeepAsync looks closer.
    /// </summary>
    internal void See(NodeRecord? node)
    {
        if (node is null || IsNews(node))
        {
            Doubt();
        }
    }

    /// <summary>The network works: whoever waits for that may be told.</summary>
    internal void SetUp()
    {
        _isUp = true;
        Doubt();
    }

    public void Dispose() => _turn.Dispose();

    private void Doubt() => _doubts.Writer.TryWrite(true);

    /// <summary>For a doubt, or until it is time to look without one.</summary>
    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<bool> doubt = _doubts.Reader.ReadAsync(ended.Token).AsTask();
        await Task.WhenAny(doubt, Task.Delay(_untilLook, time, ended.Token));
        await ended.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private bool IsNews(NodeRecord node)
    {
        OwnProblem? problem = OwnProblem.Find(node, Network, out SubnetPair subnets);
        return Compose(node, problem) is not null
            || (problem is null
                ? NodeLease.Compose(node, subnets, _attributes) != Held.Lease
                : problem.Message != report.Problem);
    }

    /// <summary>Makes the Node be as it has to be.</summary>
    /// <returns>Was something written?</returns>
    private Task<bool> HoldAsync(CancellationToken cancellationToken) =>
        retry.UntilDoneAsync(What, HoldOnceAsync, cancellationToken);

    private async Task<bool> HoldOnceAsync(CancellationToken cancellationToken)
    {
        NodeRecord node = await api.GetNodeAsync(Held.Lease.Key, cancellationToken);
        OwnProblem? problem = OwnProblem.Find(node, Network, out _);
        onTrouble(problem?.Message);
        if (problem is not null)
        {
            report.SayProblem(node.Name, problem, isHeld: true);
        }
        else
        {
            Take(node);
        }

        report.SayIgnored(node.Annotations);
        NodePatch? patch = Compose(node, problem);
        if (patch is null)
        {
            _publishedOn = node.Uid;
            _untilLook = UntilLook(problem);
            return false;
        }

        bool isContested = (_publishedOn == node.Uid && !patch.Annotations.IsEmpty)
            || (_upOn == node.Uid && patch.HasCondition);
        TimeSpan left = _contestPause - time.GetElapsedTime(_contestedAt);
        if (isContested && _publishedOn is not null && left > TimeSpan.Zero)
        {
            _untilLook = problem is null || left < s_problemInterval ? left : s_problemInterval;
            return false;
        }

        await api.PatchNodeStatusAsync(node.Name, patch.Json, cancellationToken);
        _publishedOn = node.Uid;
        _upOn = patch.HasCondition ? node.Uid : _upOn;
        _untilLook = problem is null ? s_proofInterval : s_problemInterval;
        report.SayPatch(node.Name, patch, isContested);
        if (isContested)
        {
            PauseAfterContest();
        }

        return true;
    }

    private static TimeSpan UntilLook(OwnProblem? problem) => problem is null
        ? s_lookInterval * (0.75 + (Random.Shared.NextDouble() / 2))
        : s_problemInterval;

    private void PauseAfterContest()
    {
        // Who has let it be for longer than we did is not writing against us, and may strip it once more.
        if (time.GetElapsedTime(_contestedAt) > (2 * _contestPause) + s_peace)
        {
            _contest.Reset();
        }

        (_contestedAt, _contestPause) = (time.GetTimestamp(), _contest.Next());
    }

    // Where its pods would be reached by nobody, the network is not said to be there.
    private NodePatch? Compose(NodeRecord node, OwnProblem? problem) => NodePatch.Compose(
        names,
        LeaseAnnotations.Compose(_attributes, node.Annotations),
        node,
        _isUp && problem is null,
        time.GetUtcNow());

    /// <summary>Takes the lease that the Node says.</summary>
    private void Take(NodeRecord node)
    {
        _ = OwnProblem.Find(node, Network, out SubnetPair subnets);
        Lease lease = NodeLease.Compose(node, subnets, _attributes);
        HeldLease? old = Volatile.Read(ref _held);
        report.SayLease(node.Name, old?.Pair, subnets);
        if (old?.Lease != lease)
        {
            Volatile.Write(ref _held, new HeldLease(lease));
            old?.End();
        }
    }
}

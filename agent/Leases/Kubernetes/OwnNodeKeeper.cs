using System.Threading.Channels;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// This node's Node: takes the subnet that it was given, publishes under it, keeps it so. Whatever wakes it, it reads
/// the Node as it is and writes what differs from what has to be there.
/// </summary>
/// <param name="onWaiting">Told what the start is waiting for.</param>
internal sealed class OwnNodeKeeper(
    INodeApi api,
    AnnotationNames names,
    KubeRetry retry,
    OwnNodeReport report,
    Action<string> onWaiting,
    TimeProvider time) : IDisposable
{
    private const string What = "Own Node";

    private static readonly TimeSpan s_problemInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_proofInterval = TimeSpan.FromSeconds(10);

    // One of Acquire, Publish and Keep at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Many doubts, one look. Written by the watch, read by KeepAsync, never completed.
    private readonly Channel<bool> _doubts =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Backoff _contest = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), time);

    private NetworkConfig? _network;
    private LeaseAttributes _attributes = new(default, default, "", null, null);
    private HeldLease? _held;
    private bool _isPublished;      // the annotations that have to be there were there
    private bool _isUpPublished;    // so was the condition
    private bool _hasWritten;       // at the last look
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
            while (OwnProblem.Find(node, network, out _) is { } problem)
            {
                report.SayProblem(node.Name, problem);
                onWaiting(problem.Message);
                await Task.Delay(s_problemInterval, time, cancellationToken);
                node = await ReadAsync(node.Name, cancellationToken);
                isLive = true;
            }

            Take(node);
            if (isLive)
            {
                await HoldAsync(cancellationToken);
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
            (_attributes, _isPublished) = (attributes, false);
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
            bool wasContested;
            await _turn.WaitAsync(cancellationToken);
            try
            {
                wasContested = await HoldAsync(cancellationToken);
            }
            finally
            {
                _turn.Release();
            }

            if (wasContested)
            {
                // Two that write against each other at full speed would wear out the API server.
                await _contest.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>
    /// The Node as the watch has it; null: it is gone. Where it is not as it has to be, KeepAsync looks closer.
    /// </summary>
    internal void See(NodeRecord? node)
    {
        if (node is null || Compose(node) is not null || IsNews(node))
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

    /// <summary>
    /// For a doubt; after a write no longer than until it can be told whether that stands: of a change that is undone
    /// at once a watch may say nothing.
    /// </summary>
    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<bool> doubt = _doubts.Reader.ReadAsync(ended.Token).AsTask();
        await Task.WhenAny(doubt, _hasWritten ? Task.Delay(s_proofInterval, time, ended.Token) : doubt);
        await ended.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private bool IsNews(NodeRecord node) => OwnProblem.Find(node, Network, out SubnetPair subnets) is { } problem
        ? problem.Message != report.Problem
        : NodeLease.Compose(node, subnets, _attributes) != Held.Lease;

    /// <summary>Makes the Node be as it has to be.</summary>
    /// <returns>Had somebody else changed it?</returns>
    private Task<bool> HoldAsync(CancellationToken cancellationToken) =>
        retry.UntilDoneAsync(What, HoldOnceAsync, cancellationToken);

    private async Task<bool> HoldOnceAsync(CancellationToken cancellationToken)
    {
        NodeRecord node = await api.GetNodeAsync(Held.Lease.Key, cancellationToken);
        if (OwnProblem.Find(node, Network, out _) is { } problem)
        {
            report.SayProblem(node.Name, problem);    // the pods that are there go on with what they have
        }
        else
        {
            Take(node);
        }

        report.SayIgnored(node.Annotations);
        NodePatch? patch = Compose(node);
        _hasWritten = patch is not null;
        if (patch is null)
        {
            _isPublished = true;
            return false;
        }

        await api.PatchNodeStatusAsync(node.Name, patch.Json, cancellationToken);
        bool isContested = (_isPublished && !patch.Annotations.IsEmpty) || (_isUpPublished && patch.HasCondition);
        _isPublished = true;
        _isUpPublished |= patch.HasCondition;
        if (report.SayPatch(node.Name, patch, isContested))
        {
            _contest.Reset();
        }

        return isContested;
    }

    private NodePatch? Compose(NodeRecord node) => NodePatch.Compose(
        names, LeaseAnnotations.Compose(_attributes, node.Annotations), node, _isUp, time.GetUtcNow());

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

using System.Collections.Immutable;
using System.Threading.Channels;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// This node's Node: takes the subnet that it was given, publishes under it, keeps it so. Whatever wakes it, it reads
/// the Node as it is and writes what differs from what has to be there.
/// </summary>
/// <param name="onWaiting">Told what the start is waiting for.</param>
internal sealed partial class OwnNodeKeeper(
    INodeApi api,
    AnnotationNames names,
    KubeRetry retry,
    NodeEvents events,
    Action<string> onWaiting,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private const string What = "Own Node";

    private static readonly TimeSpan s_problemInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_calm = TimeSpan.FromMinutes(5);

    // One of Acquire, Publish and Keep at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Many doubts, one look. Written by the watch, read by KeepAsync, never completed.
    private readonly Channel<bool> _doubts =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Backoff _contest = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), time);
    private readonly FaultLog _contestLog = new(time);
    private long _contestedAt;

    private NetworkConfig? _network;
    private LeaseAttributes _attributes = new(default, default, "", null, null);
    private HeldLease? _held;
    private string? _problem;       // said
    private string? _ignored;       // said
    private bool _isPublished;      // what has to be there was there
    private bool _isUpPublished;
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
    /// <param name="isLive">From the API; else it is what was kept of it, and is published when the API is back.</param>
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
                Say(node.Name, problem);
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
            await _doubts.Reader.ReadAsync(cancellationToken);
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

    private bool IsNews(NodeRecord node) => OwnProblem.Find(node, Network, out SubnetPair subnets) is { } problem
        ? problem.Message != _problem
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
            Say(node.Name, problem);    // the pods that are there go on with what they have
        }
        else
        {
            Take(node);
        }

        SayIgnored(node.Annotations);
        if (Compose(node) is not { } patch)
        {
            _isPublished = true;
            return false;
        }

        await api.PatchNodeStatusAsync(node.Name, patch.Json, cancellationToken);
        return Note(node, patch);
    }

    private NodePatch? Compose(NodeRecord node) => NodePatch.Compose(
        names, LeaseAnnotations.Compose(_attributes, node.Annotations), node, _isUp, time.GetUtcNow());

    /// <summary>Takes the lease that the Node says.</summary>
    private void Take(NodeRecord node)
    {
        _ = OwnProblem.Find(node, Network, out SubnetPair subnets);
        Lease lease = NodeLease.Compose(node, subnets, _attributes);
        HeldLease? old = Volatile.Read(ref _held);
        _problem = null;
        if (old?.Lease == lease)
        {
            return;
        }

        if (old is null)
        {
            Log.Acquired(logger, subnets, node.Name);
        }
        else if (old.Pair != subnets)
        {
            Log.Changed(logger, old.Pair, subnets, node.Name);
        }

        Volatile.Write(ref _held, new HeldLease(lease));
        old?.End();
    }

    private bool Note(NodeRecord node, NodePatch patch)
    {
        bool isContest = (_isPublished && !patch.Annotations.IsEmpty) || (_isUpPublished && patch.HasCondition);
        if (isContest)
        {
            NoteContest(node.Name, patch);
        }
        else
        {
            Log.Published(logger, node.Name, Describe(patch));
        }

        _isPublished = true;
        _isUpPublished |= patch.HasCondition;
        return isContest;
    }

    private void NoteContest(string node, NodePatch patch)
    {
        if (_contestedAt != 0 && time.GetElapsedTime(_contestedAt) > s_calm)
        {
            _contest.Reset();
            _contestLog.Over();
        }

        _contestedAt = time.GetTimestamp();
        string what = Describe(patch);
        if (_contestLog.Occurred(what))
        {
            Log.Contested(logger, node, what);
            events.Post(
                node, "FlannelAnnotationsChanged", $"{what} of this Node changed by somebody else and written again");
        }
    }

    private static string Describe(NodePatch patch)
    {
        ImmutableArray<string> parts = patch.HasCondition ? patch.Annotations.Add(NodePatch.ConditionType) : patch.Annotations;
        return string.Join(", ", parts);
    }

    private void Say(string node, OwnProblem problem)
    {
        events.Post(node, problem.Reason, problem.Message);
        if (_problem != problem.Message)
        {
            _problem = problem.Message;
            Log.Problem(logger, problem.Message);
        }
    }

    private void SayIgnored(NodeAnnotations annotations)
    {
        string? ignored = WhyIgnored(names.PublicIPOverwrite, annotations.PublicIPOverwrite, is6: false)
            ?? WhyIgnored(names.PublicIPv6Overwrite, annotations.PublicIPv6Overwrite, is6: true)
            ?? WhyIgnored(names.NodePublicIP, annotations.NodePublicIP, is6: false)
            ?? WhyIgnored(names.NodePublicIPv6, annotations.NodePublicIPv6, is6: true);
        if (ignored is not null && ignored != _ignored)
        {
            Log.Ignored(logger, ignored);
        }

        _ignored = ignored;
    }

    private static string? WhyIgnored(string name, string? text, bool is6) =>
        string.IsNullOrEmpty(text) || !LeaseAnnotations.ReadUsersAddress(text, is6).IsNone
            ? null
            : $"{name} \"{LogText.Of(text)}\" is no {(is6 ? "IPv6" : "IPv4")} address";

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Own lease is {Subnets} (node {Node})")]
        internal static partial void Acquired(ILogger logger, SubnetPair subnets, string node);

        [LoggerMessage(
            LogLevel.Warning,
            "Own lease is {Subnets} and was {Before}: node {Node} was made anew with another pod CIDR; its pods have to "
            + "be started again")]
        internal static partial void Changed(ILogger logger, SubnetPair before, SubnetPair subnets, string node);

        [LoggerMessage(LogLevel.Information, "Published on node {Node}: {Names}")]
        internal static partial void Published(ILogger logger, string node, string names);

        [LoggerMessage(
            LogLevel.Warning,
            "Somebody else changed {Names} of node {Node}; written again. Does another flannel run on it?")]
        internal static partial void Contested(ILogger logger, string node, string names);

        [LoggerMessage(LogLevel.Error, "{Problem}. Waiting for it; pods that are there go on")]
        internal static partial void Problem(ILogger logger, string problem);

        [LoggerMessage(LogLevel.Warning, "Annotation of this node is ignored: {Cause}")]
        internal static partial void Ignored(ILogger logger, string cause);
    }
}

/// <summary>The lease held at one time.</summary>
internal sealed class HeldLease(Lease lease)
{
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Lease Lease { get; } = lease;

    internal SubnetPair Pair => new(Lease.Subnet, Lease.IPv6Subnet);

    /// <summary>Ends when another lease is held.</summary>
    internal Task Replaced => _replaced.Task;

    internal void End() => _replaced.TrySetResult();
}

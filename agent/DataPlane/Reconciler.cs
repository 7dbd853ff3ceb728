// One task runs this, and nothing else writes to the kernel's tables. What caused a run decides how much is looked at,
// never what is right: a notification that was missed costs the time until the next full run, and nothing else.
// Until the first complete list of leases no table is touched: what an earlier process left goes on working.

using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.DataPlane;

/// <summary>Keeps the backend's devices and tables equal to what all nodes published.</summary>
internal sealed partial class Reconciler
{
    /// <summary>Between two runs, as long as nothing happens.</summary>
    internal static readonly TimeSpan LongestResync = TimeSpan.FromSeconds(60);

    // Between two full runs that nothing asked for. Long ones are spaced by their length, so that they take a
    // thousandth of a processor's time: what is announced, or known to be lost, does not wait for them.
    private const int LengthsBetweenResyncs = 1000;
    private static readonly TimeSpan s_shortestResync = TimeSpan.FromSeconds(5);

    private readonly IBackend _backend;
    private readonly IReadOnlyList<ITable> _tables;
    private readonly NetworkConfig _network;
    private readonly Func<List<string>, Underlay> _readUnderlay;
    private readonly Action<Lease, BackendState> _onOwnChanged;
    private readonly Inbox _inbox;
    private readonly TimeProvider _time;
    private readonly PeerTable _peers = new();
    private readonly Pacer _pacer;
    private readonly ReconcilerReport _report;
    private readonly TaskCompletionSource _firstSync = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly Backoff _backoff;

    private PlanInput _input;
    private Lease _own;                              // as the datastore has it; _input's is what the devices have
    private LeaseTable? _leases;                     // null: no list yet
    private bool _isComplete;                        // it has every lease: what is not in it may go
    private HashSet<string>? _changedLeases;          // since the peers followed them; null: all
    private bool _isFollowing;                       // the first list of its kind was taken in
    private string? _behind;                         // why the last full run, or one since, left something undone
    private bool _isPlanStale = true;                // what plans are made from changed since the tables saw it

    /// <param name="housekeeping">Tables that are no backend's, after which they come.</param>
    /// <param name="readUnderlay">The external interface as it is now; the list gets what is wrong with it.</param>
    /// <param name="onOwnChanged">Called when what this node publishes, its subnet or its MTU changed.</param>
    /// <param name="input">As the start found them.</param>
    public Reconciler(
        IBackend backend,
        IReadOnlyList<ITable> housekeeping,
        Func<List<string>, Underlay> readUnderlay,
        Action<Lease, BackendState> onOwnChanged,
        Inbox inbox,
        PlanInput input,
        AgentMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _backend = backend;
        _tables = [.. backend.Tables, .. housekeeping];
        _network = input.Network;
        _readUnderlay = readUnderlay;
        _onOwnChanged = onOwnChanged;
        _inbox = inbox;
        _input = input;
        _own = input.Own;
        _time = time;
        _pacer = new Pacer(time);
        _backoff = Backoff.ForRequests(time);
        _report = new ReconcilerReport(metrics, time, logger);
        Status = new DataPlaneStatus("no complete list of leases yet", time.GetTimestamp(), 0, 0);
    }

    /// <summary>Replaced whole after each run.</summary>
    public DataPlaneStatus Status { get; private set; }

    /// <summary>Done when the first complete list of leases is in the kernel.</summary>
    public Task FirstSync => _firstSync.Task;

    /// <summary>Ends only with the token.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using ITimer resync = _time.CreateTimer(
            _ => _inbox.PostFull(), null, s_shortestResync, Timeout.InfiniteTimeSpan);
        using ITimer retry = _time.CreateTimer(
            _ => _inbox.PostFull(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        while (true)
        {
            await _inbox.WaitAsync(cancellationToken);
            long start = _time.GetTimestamp();
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            RunResult run = await RunOnceAsync(_inbox.Take(), cancellationToken);
            processor = Environment.CpuUsage.TotalTime - processor;
            if (run.IsFull)
            {
                resync.Change(ResyncPeriod(run, _time.GetElapsedTime(start)), Timeout.InfiniteTimeSpan);
            }

            if (_behind is null)
            {
                _backoff.Reset();
                retry.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
            else if (run.IsFull || run.Failures.Count > 0)
            {
                retry.Change(_backoff.Next(), Timeout.InfiniteTimeSpan);
            }

            await _pacer.PauseAsync(run.HadTrouble, processor, cancellationToken);
        }
    }

    internal async Task<RunResult> RunOnceAsync(Work work, CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        Note(work);
        RunResult run = new()
        {
            IsFull = work.IsFull || _own != _input.Own || work.Events.Any(IsAboutOurDevices)
                || (_behind is not null && work.Events.Any(MayHeal)),
        };
        try
        {
            if (run.IsFull)
            {
                await EnsureDevicesAsync(run, cancellationToken);
            }

            if (_leases is not null)
            {
                IReadOnlyCollection<PeerKey> changed = FollowLeases(_leases, run);
                DecideOnNexthops(run);
                SyncScope scope = new(_peers.Admitted, run.IsFull, changed, work.Events) { IsReplan = _isPlanStale };
                await SyncTablesAsync(scope, run, cancellationToken);
            }
        }
        catch (LinuxException e)
        {
            // The device or the uplink is not there, or went away while we worked.
            run.Failures.Add(e.Message);
        }

        _behind = run.Failures.Count > 0 ? run.Failures[0] : run.IsFull ? null : _behind;
        _report.Say(run, _time.GetElapsedTime(start));
        string? trouble = _behind ?? (_leases is null ? "no complete list of leases yet" : null);
        Status = new DataPlaneStatus(trouble, _time.GetTimestamp(), _peers.Admitted.Count, _peers.Refused.Count);
        if (work.Snapshot is not null)
        {
            _report.Count(Status);
        }

        if (trouble is null)
        {
            _firstSync.TrySetResult();
        }

        return run;
    }

    private static TimeSpan ResyncPeriod(RunResult run, TimeSpan length)
    {
        // One that had something to do says little of how long it takes to look.
        TimeSpan period = run.Changed > 0 || run.HadTrouble ? s_shortestResync : length * LengthsBetweenResyncs;
        return period < s_shortestResync ? s_shortestResync : period < LongestResync ? period : LongestResync;
    }

    /// <summary>Before anything that can fail: news come once.</summary>
    private void Note(Work work)
    {
        if (work.Snapshot is not { } snapshot)
        {
            return;
        }

        _own = snapshot.Own;
        _leases = snapshot.Peers;
        _isFollowing &= snapshot.IsComplete == _isComplete;
        _isComplete = snapshot.IsComplete;
        if (work.ChangedLeases is { } changed)
        {
            _changedLeases?.UnionWith(changed);
        }
        else
        {
            _changedLeases = null;
        }
    }

    private async Task EnsureDevicesAsync(RunResult run, CancellationToken cancellationToken)
    {
        Underlay underlay = _readUnderlay(run.Failures);
        Ensured ensured = await _backend.EnsureAsync(underlay, _own, cancellationToken);
        run.DeviceRepairs.AddRange(ensured.Repairs);
        run.Failures.AddRange(ensured.Failures.Select(static failure => failure.Message));
        BackendState state = ensured.State;
        PlanInput before = _input;
        _input = new PlanInput(_network, state, underlay, _own) { UsesNexthops = before.UsesNexthops };
        _isPlanStale |= _input != before;
        bool isOwnChanged = _own != before.Own
            || state.Mtu != before.State.Mtu
            || state.Attributes != before.State.Attributes;
        bool isOnLinkChanged = !state.OnLink.Equals(before.State.OnLink);
        if (isOwnChanged || isOnLinkChanged || underlay != before.Underlay)
        {
            // What makes a peer acceptable depends on them.
            _changedLeases = null;
        }

        if (isOnLinkChanged)
        {
            run.OnLink = state.OnLink.ToString();
        }

        if (isOwnChanged)
        {
            _onOwnChanged(_own, state);
        }
    }

    private List<PeerKey> FollowLeases(LeaseTable leases, RunResult run)
    {
        if (!_isFollowing)
        {
            (run.IsFirst, run.IsFull, _isFollowing) = (true, true, true);
        }

        PeerChanges update = _peers.Update(
            leases, (lease, is6) => _backend.ReadPeer(lease, is6, _input), _changedLeases);
        _changedLeases = [];
        run.PeerChanges.AddRange(update.Changes);
        run.Refusals.AddRange(update.Refusals);
        return [.. update.Changes.Select(static change => change.Key)];
    }

    /// <summary>A change of mind changes all routes through the tunnel, each by one replacement.</summary>
    private void DecideOnNexthops(RunResult run)
    {
        OnLinkNetworks onLink = _input.State.OnLink;
        int routes = onLink.IsEmpty
            ? _peers.Count4
            : _peers.Admitted.Values.Count(peer => !peer.Key.Is6 && !onLink.Reaches(peer.PublicIP));
        bool isWorthIt = NexthopPolicy.IsWorthIt(_input.State.Nexthops, routes, _input.UsesNexthops);
        if (isWorthIt != _input.UsesNexthops)
        {
            _input = _input with { UsesNexthops = isWorthIt };
            (run.IsFull, _isPlanStale) = (true, true);
        }
    }

    private async Task SyncTablesAsync(SyncScope scope, RunResult run, CancellationToken cancellationToken)
    {
        List<ITable> compared = [];
        foreach (ITable table in _tables)
        {
            if (await IsDoneAsync(run, async () => await table.CompareAsync(_input, scope, cancellationToken)))
            {
                compared.Add(table);
            }
        }

        _isPlanStale = compared.Count < _tables.Count;
        foreach (ITable table in compared)
        {
            await IsDoneAsync(run, async () => run.Add(table.Kind, await table.UpsertAsync(cancellationToken)));
        }

        foreach (ITable table in _isComplete ? compared.AsEnumerable().Reverse() : [])
        {
            await IsDoneAsync(run, async () => run.Add(table.Kind, await table.DeleteAsync(cancellationToken)));
        }
    }

    /// <summary>One table's failure is no other's: the next full run tries it again.</summary>
    private static async Task<bool> IsDoneAsync(RunResult run, Func<Task> step)
    {
        try
        {
            await step();
            return true;
        }
        catch (LinuxException e)
        {
            run.Failures.Add(e.Message);
            return false;
        }
    }

    // What other entries come to, neighbours above all, has nothing to do with it.
    private static bool MayHeal(RtnlEvent kernelEvent) =>
        kernelEvent.Kind is RtnlEventKind.Link or RtnlEventKind.Address or RtnlEventKind.Route;

    private bool IsAboutOurDevices(RtnlEvent kernelEvent) => kernelEvent.Kind switch
    {
        RtnlEventKind.Link => kernelEvent.Link is { } link
            && (link.Name == _input.Underlay.Name
                || link.Index == _input.Underlay.Index
                || _backend.DeviceNames.Contains(link.Name)
                || _input.State.Devices.Any(device => device.Index == link.Index)),
        RtnlEventKind.Address => kernelEvent.Address.LinkIndex == _input.Underlay.Index
            || _input.State.Devices.Any(device => device.Index == kernelEvent.Address.LinkIndex),
        RtnlEventKind.Route => _backend.Concerns(kernelEvent, _input),
        _ => false,
    };
}

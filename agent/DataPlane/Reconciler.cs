// One task runs this, and nothing else writes to the kernel's tables. What caused a run decides how much is looked at,
// never what is right: a notification that was missed costs the time until the next full run, and nothing else.
// Until the first complete list of leases no table is touched: what an earlier process left goes on working.

using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.DataPlane;

/// <summary>Keeps the backend's devices and tables equal to what all nodes published.</summary>
internal sealed partial class Reconciler
{
    /// <summary>Between two full runs that nothing asked for.</summary>
    private static readonly TimeSpan s_resyncPeriod = TimeSpan.FromSeconds(5);

    private readonly IBackend _backend;
    private readonly NetworkConfig _network;
    private readonly Func<Underlay> _readUnderlay;
    private readonly Action<Lease, BackendState> _onOwnChanged;
    private readonly Inbox _inbox;
    private readonly TimeProvider _time;
    private readonly PeerTable _peers = new();
    private readonly Pacer _pacer;
    private readonly ReconcilerReport _report;
    private readonly TaskCompletionSource _firstSync = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PlanInput _input;
    private LeaseTable? _leases;    // null: no complete list yet
    private bool _isBehind;         // the last run failed: the next must be full

    /// <param name="readUnderlay">The external interface as it is now.</param>
    /// <param name="onOwnChanged">Called when what this node publishes, its subnet or its MTU changed.</param>
    /// <param name="input">As the start found them.</param>
    public Reconciler(
        IBackend backend,
        Func<Underlay> readUnderlay,
        Action<Lease, BackendState> onOwnChanged,
        Inbox inbox,
        PlanInput input,
        AgentMetrics metrics,
        TimeProvider time,
        ILogger<Reconciler> logger)
    {
        _backend = backend;
        _network = input.Network;
        _readUnderlay = readUnderlay;
        _onOwnChanged = onOwnChanged;
        _inbox = inbox;
        _input = input;
        _time = time;
        _pacer = new Pacer(time);
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
        using ITimer resync = _time.CreateTimer(_ => _inbox.PostFull(), null, s_resyncPeriod, s_resyncPeriod);
        while (true)
        {
            await _inbox.WaitAsync(cancellationToken);
            bool hadTrouble = await RunOnceAsync(_inbox.Take(), cancellationToken);
            await _pacer.PauseAsync(hadTrouble, cancellationToken);
        }
    }

    /// <returns>True: something had to be repaired, or went wrong.</returns>
    internal async Task<bool> RunOnceAsync(Work work, CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        RunResult run = new();
        try
        {
            bool isFull = await EnsureDevicesAsync(work, run, cancellationToken);
            IReadOnlyCollection<PeerKey> changed = FollowLeases(work, run);
            if (_leases is not null)
            {
                await SyncTablesAsync(
                    new SyncScope(_peers.Admitted, isFull || run.IsFirst, changed, work.Events), run, cancellationToken);
            }

            _isBehind = false;
        }
        catch (LinuxException e)
        {
            // The device or the uplink is not there, or went away while we worked.
            run.Failures.Add(e.Message);
            _isBehind = true;
            _inbox.PostFull();
        }

        _report.Say(run, _time.GetElapsedTime(start));
        string? trouble = run.Failures.Count > 0 ? run.Failures[0]
            : _leases is null ? "no complete list of leases yet" : null;
        Status = new DataPlaneStatus(trouble, _time.GetTimestamp(), _peers.Admitted.Count, _peers.Refused.Count);
        if (trouble is null)
        {
            _firstSync.TrySetResult();
        }

        return run.HadTrouble;
    }

    /// <returns>True: whatever hangs on the devices must be read again.</returns>
    private async Task<bool> EnsureDevicesAsync(Work work, RunResult run, CancellationToken cancellationToken)
    {
        Lease own = work.Snapshot?.Own ?? _input.Own;
        bool isFull = work.IsFull || _isBehind || work.Events.Any(IsAboutOurDevices);
        if (!isFull && own == _input.Own)
        {
            return false;
        }

        Underlay underlay = _readUnderlay();
        BackendState state = await _backend.EnsureAsync(underlay, own, cancellationToken);
        run.DeviceRepairs.AddRange(state.Repairs);
        PlanInput before = _input;
        _input = new PlanInput(_network, state, underlay, own);
        if (own != before.Own || state.Mtu != before.State.Mtu || state.Attributes != before.State.Attributes)
        {
            run.IsOwnChanged = true;
            _onOwnChanged(own, state);
        }

        return true;
    }

    private List<PeerKey> FollowLeases(Work work, RunResult run)
    {
        if (work.Snapshot is { } snapshot)
        {
            run.IsFirst = _leases is null;
            _leases = snapshot.Peers;
        }

        if (_leases is null)
        {
            return [];
        }

        // What makes a peer acceptable depends on our own subnet and devices too.
        IReadOnlyCollection<string>? changed = run.IsFirst || run.IsOwnChanged ? null : work.ChangedLeases;
        PeerChanges update = _peers.Update(_leases, (lease, is6) => _backend.ReadPeer(lease, is6, _input), changed);
        run.PeerChanges.AddRange(update.Changes);
        run.Refusals.AddRange(update.Refusals);
        return [.. update.Changes.Select(static change => change.Key)];
    }

    private async Task SyncTablesAsync(SyncScope scope, RunResult run, CancellationToken cancellationToken)
    {
        foreach (ITable table in _backend.Tables)
        {
            await table.CompareAsync(_input, scope, cancellationToken);
        }

        foreach (ITable table in _backend.Tables)
        {
            run.Add(table.Kind, await table.UpsertAsync(cancellationToken));
        }

        foreach (ITable table in _backend.Tables.Reverse())
        {
            run.Add(table.Kind, await table.DeleteAsync(cancellationToken));
        }
    }

    private bool IsAboutOurDevices(RtnlEvent kernelEvent) => kernelEvent.Kind switch
    {
        RtnlEventKind.Link => kernelEvent.Link is { } link
            && (link.Name == _input.Underlay.Name
                || link.Index == _input.Underlay.Index
                || _backend.DeviceNames.Contains(link.Name)
                || _input.State.Devices.Any(device => device.Index == link.Index)),
        RtnlEventKind.Address => kernelEvent.Address.LinkIndex == _input.Underlay.Index
            || _input.State.Devices.Any(device => device.Index == kernelEvent.Address.LinkIndex),
        _ => false,
    };
}

using System.Diagnostics.Metrics;

namespace FlannelCni.Agent.Metrics;

/// <summary>What the agent counts. Names are Prometheus', and stay: dashboards and alerts are made from them.</summary>
internal sealed class AgentMetrics : IDisposable
{
    private static readonly double[] s_seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Meter _meter = new("FlannelCni");
    private readonly PrometheusText _text;
    private readonly Counter<long> _reconcile;
    private readonly Histogram<double> _reconcileDuration;
    private readonly Counter<long> _driftRepaired;
    private readonly Counter<long> _leaseEvents;
    private readonly Counter<long> _leaseRefused;
    private readonly Counter<long> _ownLeaseLost;
    private readonly Counter<long> _netlinkErrors;
    private readonly Counter<long> _notificationsLost;
    private readonly Gauge<long> _peers;
    private readonly Gauge<long> _datastoreUp;
    private readonly Gauge<double> _leaseSync;

    /// <param name="version">Of the build, for flannel_build_info.</param>
    internal AgentMetrics(string version = "dev")
    {
        _text = new PrometheusText(_meter, s_seconds);
        _reconcile = _meter.CreateCounter<long>(
            "flannel_reconcile_total", null, "Comparisons of the kernel with what the leases want.");
        _reconcileDuration = _meter.CreateHistogram<double>(
            "flannel_reconcile_duration_seconds", "s", "Time that one comparison took, repairs included.");
        _driftRepaired = _meter.CreateCounter<long>(
            "flannel_drift_repaired_total", null, "Entries put right that were changed behind the agent's back.");
        _leaseEvents = _meter.CreateCounter<long>(
            "flannel_lease_events_total", null, "Leases added, changed or removed, as the datastore told.");
        _leaseRefused = _meter.CreateCounter<long>(
            "flannel_lease_refused_total", null, "Leases of peers that cannot be served.");
        _ownLeaseLost = _meter.CreateCounter<long>(
            "flannel_own_lease_lost_total", null, "Times this node's own lease was gone, by what became of it.");
        _netlinkErrors = _meter.CreateCounter<long>(
            "flannel_netlink_errors_total", null, "Requests that the kernel refused.");
        _notificationsLost = _meter.CreateCounter<long>(
            "flannel_notifications_lost_total",
            null,
            "Times that the kernel announced more than was read, after which everything is.");
        _peers = _meter.CreateGauge<long>("flannel_peers", null, "Peers, by whether they can be reached.");
        _datastoreUp = _meter.CreateGauge<long>(
            "flannel_datastore_up", null, "1: the datastore answers, 0: it does not.");
        _leaseSync = _meter.CreateGauge<double>(
            "flannel_lease_sync_timestamp_seconds", "s", "When the leases were last known to be complete, Unix time.");
        _meter.CreateGauge<long>("flannel_build_info", null, "1, with the version as label.")
            .Record(1, Label("version", version));

        // A counter that is there from the start can be seen to rise.
        _leaseEvents.Add(0);
        _reconcile.Add(0, Label("result", "ok"));
        _reconcile.Add(0, Label("result", "error"));
        _ownLeaseLost.Add(0, Label("outcome", "taken_back"));
        _ownLeaseLost.Add(0, Label("outcome", "replaced"));
        _notificationsLost.Add(0);
        _datastoreUp.Record(0);
    }

    /// <summary>All of it in the text format of Prometheus, version 0.0.4.</summary>
    internal string Render() => _text.Render();

    /// <param name="ok">False: something could not be repaired.</param>
    internal void Reconciled(bool ok, TimeSpan duration)
    {
        _reconcile.Add(1, Label("result", ok ? "ok" : "error"));
        _reconcileDuration.Record(duration.TotalSeconds);
    }

    /// <param name="kind">Of entry: <c>route</c>, <c>neighbour</c>, <c>fdb</c>, <c>device</c>.</param>
    internal void DriftRepaired(string kind, int count = 1) => _driftRepaired.Add(count, Label("kind", kind));

    internal void LeaseEvents(int count) => _leaseEvents.Add(count);

    /// <param name="reason">A few fixed words; never text from the lease.</param>
    internal void LeaseRefused(string reason) => _leaseRefused.Add(1, Label("reason", reason));

    /// <param name="outcome"><c>taken_back</c> or <c>replaced</c> by another subnet.</param>
    internal void OwnLeaseLost(string outcome) => _ownLeaseLost.Add(1, Label("outcome", outcome));

    /// <param name="operation">What was asked for, without its subject: <c>add route</c>.</param>
    /// <param name="errno">The kernel's answer: <c>EEXIST</c>.</param>
    internal void NetlinkError(string operation, string errno) =>
        _netlinkErrors.Add(1, Label("op", operation), Label("errno", errno));

    internal void NotificationsLost() => _notificationsLost.Add(1);

    /// <param name="state">As few words as there are states; each keeps its last count.</param>
    internal void Peers(string state, int count) => _peers.Record(count, Label("state", state));

    internal void DatastoreUp(bool isUp) => _datastoreUp.Record(isUp ? 1 : 0);

    internal void LeasesComplete(DateTimeOffset at) => _leaseSync.Record(at.ToUnixTimeMilliseconds() / 1000.0);

    public void Dispose()
    {
        _text.Dispose();
        _meter.Dispose();
    }

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}

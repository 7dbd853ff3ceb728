using FlannelCni.Agent.Metrics;

namespace FlannelCni.UnitTests.Metrics;

public sealed class AgentMetricsTests
{
    [Fact]
    public void What_is_there_from_the_start_is_zero()
    {
        using AgentMetrics metrics = new("v1.2.3");

        string text = metrics.Render();

        Assert.Contains("flannel_build_info{version=\"v1.2.3\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("flannel_lease_events_total 0\n", text, StringComparison.Ordinal);
        Assert.Contains("flannel_reconcile_total{result=\"ok\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("flannel_datastore_up 0\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_method_counts_under_its_name()
    {
        using AgentMetrics metrics = new("v1.2.3");
        metrics.Reconciled(true, TimeSpan.FromMilliseconds(20));
        metrics.Reconciled(false, TimeSpan.FromSeconds(20));
        metrics.DriftRepaired("route");
        metrics.DriftRepaired("route", 4);
        metrics.LeaseEvents(3);
        metrics.LeaseRefused("conflict");
        metrics.NotificationsLost();
        metrics.NetlinkError("add route", "EEXIST");
        metrics.Peers("ready", 7);
        metrics.Peers("ready", 6);
        metrics.DatastoreUp(true);
        metrics.LeasesComplete(DateTimeOffset.FromUnixTimeMilliseconds(1_787_300_000_500));

        string text = metrics.Render();

        Assert.All(
            [
                "flannel_reconcile_total{result=\"ok\"} 1\n",
                "flannel_reconcile_total{result=\"error\"} 1\n",
                "flannel_reconcile_duration_seconds_bucket{le=\"0.01\"} 0\n",
                "flannel_reconcile_duration_seconds_bucket{le=\"0.025\"} 1\n",
                "flannel_reconcile_duration_seconds_bucket{le=\"+Inf\"} 2\n",
                "flannel_reconcile_duration_seconds_sum 20.02\n",
                "flannel_drift_repaired_total{kind=\"route\"} 5\n",
                "flannel_lease_events_total 3\n",
                "flannel_lease_refused_total{reason=\"conflict\"} 1\n",
                "flannel_notifications_lost_total 1\n",
                "flannel_netlink_errors_total{op=\"add route\",errno=\"EEXIST\"} 1\n",
                "flannel_peers{state=\"ready\"} 6\n",
                "flannel_datastore_up 1\n",
                "flannel_lease_sync_timestamp_seconds 1787300000.5\n",
            ],
            line => Assert.Contains(line, text, StringComparison.Ordinal));
    }
}

using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>etcd goes and comes while pods talk.</summary>
public sealed class EtcdOutageTests
{
    [Fact]
    public async Task An_etcd_that_is_silent_for_five_seconds_and_then_restarted_touches_no_packet_and_no_entry()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(etcd, 2);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        using IpMonitor monitor = await IpMonitor.StartAsync(one.Net);

        etcd.Pause();
        (int, int) whilePaused = AgentNode.PingResult(one.StartPing(two, "-i 0.02 -c 250 -W 2"));
        etcd.Resume();
        ChildProcess flood = one.StartPing(two, "-i 0.02 -c 150 -W 2");
        etcd.Kill();
        await Wait.Until(() => one.LogCount("waits for etcd") > 0, AgentNode.Soon, "the agent sees it");
        Assert.Equal(200, (await one.GetAsync("/readyz")).Status);
        await etcd.StartAsync();

        Assert.Equal((250, 250), whilePaused);
        Assert.Equal((150, 150), AgentNode.PingResult(flood));
        Assert.DoesNotContain(
            await monitor.LinesAsync(),
            static line => line.Contains("flannel.1", StringComparison.Ordinal)
                && (line.StartsWith("Deleted", StringComparison.Ordinal)
                    || line.Contains("onlink", StringComparison.Ordinal)));

        // And a lease of after that arrives.
        cluster.PutLease("10.244.200.0/24", "192.0.2.200", "0e:00:00:00:00:c8");
        await Wait.Until(
            () => one.Net.Shell("ip route show dev flannel.1").Contains("10.244.200.0/24", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"the new peer's route comes: {one.Log}");
    }
}

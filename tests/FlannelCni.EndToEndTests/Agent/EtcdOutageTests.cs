using System.Diagnostics;
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

    [Fact]
    public async Task A_connection_that_is_cut_without_a_word_is_found_out()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(etcd, 1);
        AgentNode one = cluster.Nodes[0];

        one.Net.Shell("nft add table inet cut");
        one.Net.Shell("nft 'add chain inet cut input { type filter hook input priority 0; }'");
        one.Net.Shell("nft 'add rule inet cut input tcp sport 2379 drop'");
        cluster.PutLease("10.244.200.0/24", "192.0.2.200", "0e:00:00:00:00:c8");
        await Wait.Until(
            () => one.LogCount("Watch of the leases waits for etcd") > 0,
            TimeSpan.FromSeconds(30),
            () => $"the agent sees it: {one.Log}");
        one.Net.Shell("nft delete table inet cut");

        await Wait.Until(
            () => one.Net.Shell("ip route show dev flannel.1").Contains("10.244.200.0/24", StringComparison.Ordinal),
            TimeSpan.FromSeconds(15),
            () => $"the new peer's route comes: {one.Log}");
    }

    [Theory]
    [InlineData("waits for a subnet")]
    [InlineData("runs on a silent etcd")]
    [InlineData("runs on a dead etcd")]
    public async Task SIGTERM_ends_it_at_once_while_it(string waits)
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = AgentCluster.Create(
            etcd, 1, """{"Network":"10.244.0.0/16","SubnetMax":"10.244.1.0","Backend":{"Type":"vxlan"}}""");
        AgentNode node = cluster.Nodes[0];
        switch (waits)
        {
            case "waits for a subnet":
                cluster.PutLease("10.244.1.0/24", "192.0.2.200", "0e:00:00:00:00:c8");
                node.Start();
                await Wait.Until(() => node.LogCount("no subnet is free") > 0, AgentNode.Soon, () => node.Log);
                break;
            case "runs on a silent etcd":
                await node.StartReadyAsync();
                cluster.Relay.Freeze();
                cluster.Delete(cluster.LeaseKey(node));
                break;
            default:
                await node.StartReadyAsync();
                etcd.Kill();
                await Wait.Until(() => node.LogCount("waits for etcd") > 0, AgentNode.Soon, () => node.Log);
                break;
        }

        long start = Stopwatch.GetTimestamp();
        node.Agent.Terminate();

        Assert.Equal(0, await node.Agent.EndAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 5);
    }

    [Fact]
    public async Task A_subnet_that_is_another_nodes_now_is_left_for_a_new_one_and_packets_follow()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(etcd, 2);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        string lost = one.Subnet;

        cluster.PutLease(lost, "192.0.2.200", "0e:00:00:00:00:c8");
        await Wait.Until(() => one.Subnet != lost, AgentNode.Soon, () => $"subnet.env has another: {one.Log}");
        one.AddPodAddress("pods2");
        await two.ReachesAsync(one);

        Assert.Equal(1, await one.MetricAsync("flannel_own_lease_lost_total{outcome=\"replaced\"}"));
        Assert.Equal(1, one.LogCount($"Own lease {lost} is another node's now"));
        Assert.Contains(lost, one.Net.Shell("ip route show dev flannel.1"), StringComparison.Ordinal);
    }
}

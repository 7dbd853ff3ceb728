using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>An agent that gets no processor time for a while, and misses what the kernel announces meanwhile.</summary>
public sealed class StoppedTests(SharedEtcd etcd) : IAsyncLifetime
{
    // More than two buffers of notifications hold.
    private const int Many = 40_000;
    private const string Lost = "flannel_notifications_lost_total";

    private AgentCluster _cluster = null!;    // InitializeAsync

    private AgentNode One => _cluster.Nodes[0];

    private AgentNode Two => _cluster.Nodes[1];

    public async ValueTask InitializeAsync() => _cluster = await AgentCluster.StartReadyAsync(etcd.Server, 2);

    public ValueTask DisposeAsync()
    {
        _cluster.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task What_was_done_while_it_was_stopped_is_put_back_though_the_news_of_it_were_lost()
    {
        Assert.Equal(0, await One.MetricAsync(Lost));
        Shell.Run($"kill -STOP {One.Agent.Pid}");
        try
        {
            // The kernel's queue is full before anything of ours is touched.
            One.Net.Shell("ip -batch -", string.Concat(Enumerable.Range(0, Many).Select(
                static i => $"route replace 198.{18 + i / 65536}.{i / 256 % 256}.{i % 256} dev lo\n")));
            One.Net.Shell("ip -batch -", string.Concat(Enumerable.Range(0, Many).Select(
                static i => $"neighbour replace 198.{18 + i / 65536}.{i / 256 % 256}.{i % 256} "
                    + "lladdr 0e:00:00:00:00:01 dev eth0\n")));
            One.Net.Shell(
                $"""
                ip route del {Two.Subnet}
                ip neighbour del {Two.TunnelAddress} dev flannel.1
                bridge fdb replace {Two.Mac} dst 192.0.2.99 dev flannel.1
                """);
        }
        finally
        {
            Shell.Run($"kill -CONT {One.Agent.Pid}");
        }

        await One.ReachesAsync(Two);
        await Wait.Until(
            async () => await One.MetricAsync(Lost) >= 2, AgentNode.Soon, "the loss is counted, of both groups");
        Assert.Equal($"{Two.Mac} dst 192.0.2.2 self permanent", One.Net.Shell("bridge fdb show dev flannel.1").Trim());
        Assert.Contains(Two.Subnet, One.Net.Shell("ip route show dev flannel.1"), StringComparison.Ordinal);
        await One.ReadyAsync();
    }

    [Fact]
    public async Task A_stopped_agent_is_no_outage_and_goes_on_where_it_was()
    {
        using FlannelCni.Linux.Processes.ChildProcess pings = One.StartPing(Two, "-c 100 -i 0.01 -W 2");
        Shell.Run($"kill -STOP {One.Agent.Pid}");
        _cluster.PutLease("10.244.200.0/24", "192.0.2.200", "0e:00:00:00:00:c8");
        (int sent, int received) = AgentNode.PingResult(pings);
        Shell.Run($"kill -CONT {One.Agent.Pid}");

        Assert.Equal(sent, received);
        await Wait.Until(
            () => One.Net.Shell("ip route show dev flannel.1").Contains("10.244.200.0/24", StringComparison.Ordinal),
            AgentNode.Soon,
            "what was published meanwhile is there");
    }
}

using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>An agent that ends and comes back: what it made goes on working meanwhile.</summary>
public sealed class RestartTests(SharedEtcd etcd) : IAsyncLifetime
{
    private const int Killed = 128 + 9;

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
    public async Task An_agent_killed_and_restarted_during_a_flood_of_pings_loses_none()
    {
        ChildProcess flood = Two.StartPing(One, "-i 0.01 -c 150 -W 2");

        One.Agent.Kill();
        int status = await One.Agent.EndAsync();
        await One.StartReadyAsync();

        Assert.Equal(Killed, status);
        Assert.Equal((150, 150), AgentNode.PingResult(flood));
    }

    [Fact]
    public async Task A_restarted_agent_adopts_what_is_there_and_remakes_nothing()
    {
        (string, string, int) before = (One.Subnet, One.Mac, One.Link("flannel.1").GetProperty("ifindex").GetInt32());
        string lease = KeyAndRevision();
        using IpMonitor monitor = await IpMonitor.StartAsync(One.Net);
        using IpMonitor peer = await IpMonitor.StartAsync(Two.Net);

        One.Agent.Kill();
        await One.Agent.EndAsync();
        await One.StartReadyAsync();

        Assert.Equal(before, (One.Subnet, One.Mac, One.Link("flannel.1").GetProperty("ifindex").GetInt32()));
        Assert.Equal(lease, KeyAndRevision());
        Assert.DoesNotContain(await monitor.LinesAsync(), IsAboutOurs);
        Assert.DoesNotContain(await peer.LinesAsync(), IsAboutOurs);
        Assert.Equal(0, One.LogCount("Repaired"));
    }

    [Fact]
    public async Task Entries_that_changed_while_no_agent_ran_are_put_right_at_the_start()
    {
        _cluster.PutLease("10.244.200.0/24", "192.0.2.200", "0e:00:00:00:00:c8");
        await Wait.Until(
            () => Routes().Contains("10.244.200.0/24", StringComparison.Ordinal), AgentNode.Soon, "there is a route");
        One.Agent.Kill();
        await One.Agent.EndAsync();

        _cluster.Delete(_cluster.LeaseKey("10.244.200.0/24"));
        One.Net.Shell($"ip route delete {Two.Subnet}; bridge fdb delete {Two.Mac} dev flannel.1");
        await One.StartReadyAsync();

        Assert.Equal((3, 3), One.Ping(Two));
        Assert.DoesNotContain("10.244.200.0/24", Routes(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "192.0.2.200", One.Net.Shell("bridge fdb show dev flannel.1"), StringComparison.Ordinal);
        Assert.DoesNotContain("10.244.200.0", One.Net.Shell("ip neigh show dev flannel.1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_stopped_agent_ends_with_0_within_a_second_and_leaves_all_in_place(string signal)
    {
        string entries = Routes() + One.Net.Shell("ip neigh show dev flannel.1; bridge fdb show dev flannel.1");
        string file = One.SubnetEnv;
        long start = TimeProvider.System.GetTimestamp();

        Shell.Run($"kill -{signal} {One.Agent.Pid}");
        int status = await One.Agent.EndAsync();

        Assert.Equal(0, status);
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal(1, One.LogCount("Stopped; devices, routes and leases stay as they are"));
        Assert.Equal(
            entries, Routes() + One.Net.Shell("ip neigh show dev flannel.1; bridge fdb show dev flannel.1"));
        Assert.Equal(file, One.SubnetEnv);
        Assert.NotEqual("", _cluster.LeaseValue(One));
        Assert.Equal((3, 3), One.Ping(Two));
    }

    [Fact]
    public async Task A_node_that_lost_run_and_its_links_at_a_reboot_has_its_subnet_and_mac_again()
    {
        (string Subnet, string Mac) before = (One.Subnet, One.Mac);
        One.Agent.Kill();
        await One.Agent.EndAsync();

        One.Net.Shell("ip link delete flannel.1; ip link delete pods");
        Directory.Delete(One.PathOf("/run/flannel"), recursive: true);
        await One.StartReadyAsync();
        One.AddPodAddress();

        Assert.Equal(before, (One.Subnet, One.Mac));
        Assert.Equal((3, 3), Two.Ping(One));
    }

    private static bool IsAboutOurs(string line) =>
        line.Contains("flannel.1", StringComparison.Ordinal) && !IsNews(line);

    // Resolution, and link-local addresses that turn out to be unique: the kernel's own.
    private static bool IsNews(string line) => line.Contains("STALE", StringComparison.Ordinal)
        || line.Contains("REACHABLE", StringComparison.Ordinal)
        || line.Contains(" fe80::", StringComparison.Ordinal);

    private string Routes() => One.Net.Shell("ip route show dev flannel.1");

    private string KeyAndRevision() => _cluster.Etcd.Control($"get -w fields {_cluster.LeaseKey(One)}").Split('\n')
        .First(static line => line.Contains("ModRevision", StringComparison.Ordinal));
}

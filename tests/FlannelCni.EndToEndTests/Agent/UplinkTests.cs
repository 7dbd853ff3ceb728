using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>The external interface changes under a running agent.</summary>
public sealed class UplinkTests(SharedEtcd etcd) : IAsyncLifetime
{
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
    public async Task Device_and_subnet_file_follow_the_interfaces_mtu()
    {
        One.Net.Shell("ip link set eth0 mtu 1400");

        await MtuIsAsync(1350);

        One.Net.Shell("ip link set eth0 mtu 1500");
        await MtuIsAsync(1450);
        Assert.Equal((3, 3), One.Ping(Two));
    }

    [Fact]
    public async Task An_interface_that_was_deleted_and_comes_back_is_used_again()
    {
        string subnet = One.Subnet;
        One.Net.Shell("ip link delete eth0");
        await Wait.Until(
            async () => (await One.GetAsync("/readyz")).Status == 503, AgentNode.Soon, "readiness tells of it");

        _cluster.Switch.Shell(
            $"ip link add port1 master wire up type veth peer name eth0 netns {One.Net.NamespacePath}");
        One.Net.Shell(
            "ip address add 192.0.2.1/24 dev eth0 && ip link set eth0 up && ip route add default via 192.0.2.254");

        await One.ReachesAsync(Two);
        await One.ReadyAsync();
        Assert.Equal(subnet, One.Subnet);
        Assert.Equal("eth0", One.TunnelData("link"));
    }

    [Fact]
    public async Task A_new_address_is_published_and_the_peers_entry_follows_by_one_replacement()
    {
        using IpMonitor monitor = await IpMonitor.StartAsync(Two.Net);

        One.Net.Shell(
            "ip address delete 192.0.2.1/24 dev eth0 && ip address add 192.0.2.101/24 dev eth0 "
            + "&& ip route add default via 192.0.2.254");
        await Wait.Until(
            () => _cluster.LeaseValue(One).Contains("192.0.2.101", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"the lease is published anew: {One.Log}");
        await Two.ReachesAsync(One);

        Assert.Contains("\"PublicIP\":\"192.0.2.101\"", _cluster.LeaseValue(One), StringComparison.Ordinal);
        Assert.Equal(
            $"{One.Mac} dst 192.0.2.101 self permanent", Two.Net.Shell("bridge fdb show dev flannel.1").Trim());
        List<string> changes = [.. (await monitor.LinesAsync()).Where(
            line => line.Contains("flannel.1", StringComparison.Ordinal)
                && (line.Contains(One.Mac, StringComparison.Ordinal)
                    || line.Contains(One.Subnet, StringComparison.Ordinal)))];
        Assert.DoesNotContain(changes, static line => line.StartsWith("Deleted", StringComparison.Ordinal));
        Assert.Single(changes, static line => line.Contains("dst 192.0.2.101", StringComparison.Ordinal));
        Assert.Equal(0, Two.LogCount("Repaired"));
    }

    [Fact]
    public async Task An_address_that_moves_to_another_device_takes_the_tunnel_with_it_and_nothing_restarts()
    {
        (int pid, string subnet, string mac) = (One.Agent.Pid, One.Subnet, One.Mac);
        _cluster.Switch.Shell(
            $"ip link add other1 mtu 1400 master wire up type veth peer name eth1 netns {One.Net.NamespacePath}");

        One.Net.Shell(
            """
            ip link set eth1 mtu 1400
            ip address delete 192.0.2.1/24 dev eth0
            ip link set eth1 up
            ip address add 192.0.2.111/24 dev eth1
            ip route add default via 192.0.2.254 dev eth1
            """);

        await Wait.Until(
            () => _cluster.LeaseValue(One).Contains("\"192.0.2.111\"", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"the lease is published anew: {One.Log}");
        await MtuIsAsync(1350);
        await Two.ReachesAsync(One);
        await One.ReachesAsync(Two);
        await One.ReadyAsync();
        Assert.Equal(("eth1", "192.0.2.111"), (One.TunnelData("link"), One.TunnelData("local")));
        Assert.Equal((pid, subnet, mac, false), (One.Agent.Pid, One.Subnet, One.Mac, One.Agent.HasEnded));
        Assert.Equal(1, One.LogCount("External interface: eth1"));
        Assert.Equal(0, One.LogCount("Repaired"));    // nobody has changed what is ours
    }

    private async Task MtuIsAsync(int mtu)
    {
        await Wait.Until(
            () => One.Value("FLANNEL_MTU") == $"{mtu}", AgentNode.Soon, () => $"subnet.env has {mtu}: {One.Log}");
        Assert.Equal(mtu, One.Link("flannel.1").GetProperty("mtu").GetInt32());
    }
}

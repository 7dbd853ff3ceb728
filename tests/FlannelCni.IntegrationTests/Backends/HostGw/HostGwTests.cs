using FlannelCni.Agent.Leases;
using FlannelCni.IntegrationTests.DataPlane;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.Backends.HostGw;

/// <summary>Routes over the link that the nodes share, and nothing else.</summary>
public sealed class HostGwTests : IDisposable
{
    private const string HostGw = """{"Type":"host-gw"}""";

    private readonly TestCluster _cluster = TestCluster.Create(2);
    private readonly TestFolder _state = new();
    private readonly List<TestNode> _pods = [];

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _pods.ForEach(static pod => pod.Dispose());
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public async Task Pods_of_two_nodes_reach_each_other_by_both_families_with_the_whole_MTU()
    {
        await using DataPlaneHarness agent1 = await StartAsync(Node, 1, _state, HostGw, isDualStack: true);
        using TestFolder state2 = new();
        await using DataPlaneHarness agent2 = await StartAsync(
            _cluster.Nodes[1], 2, state2, HostGw, isDualStack: true);
        TestNode pod1 = AddPod(1);
        AddPod(2);

        await agent1.SyncAsync(agent2.OwnLease());
        await agent2.SyncAsync(agent1.OwnLease());

        pod1.Shell("ping -c 1 -W 2 -M do -s 1472 10.244.2.2 && ping -c 1 -W 2 -M do -s 1452 fd00:10:244:2::2");
        Assert.Equal(1500u, agent1.InitialState.Mtu);
        Assert.Equal(["10.244.2.0/24 via 192.0.2.2 dev eth0"], UnderlayRoutes.Of(Node));
        Assert.Equal(["fd00:10:244:2::/64 via 2001:db8::2 dev eth0 metric 1024"], UnderlayRoutes.Of6(Node));
    }

    [Fact]
    public async Task What_is_published_is_what_upstream_publishes()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true);

        Assert.Equal(
            new LeaseAttributes(TestCluster.Address4(1), TestCluster.Address6(1), "host-gw", null, null),
            agent.InitialState.Attributes);
    }

    [Theory]
    [InlineData("ip route del 10.244.2.0/24", "route 10.244.2.0/24")]
    [InlineData("ip -6 route del fd00:10:244:2::/64", "route fd00:10:244:2::/64")]
    [InlineData("ip route replace 10.244.2.0/24 via 192.0.2.9 dev eth0", "route 10.244.2.0/24")]
    [InlineData("ip -6 route replace fd00:10:244:2::/64 via 2001:db8::9 dev eth0", "route fd00:10:244:2::/64")]
    [InlineData("ip route replace 10.244.2.0/24 via 192.0.2.2 dev eth0 proto static", "route 10.244.2.0/24")]
    [InlineData("ip route replace blackhole 10.244.2.0/24", "route 10.244.2.0/24")]
    [InlineData("ip route flush proto 244", "10.244.3.0/24", Traits = [KernelTrait.Name, KernelTrait.Both])]
    [InlineData("ip -6 route flush proto 244", "route fd00:10:244")]
    [InlineData("ip route add 10.244.8.0/24 via 192.0.2.2 dev eth0 proto 244", "route 10.244.8.0/24")]
    [InlineData(
        "ip link set eth0 down; ip link set eth0 up; ip address replace 2001:db8::1/64 dev eth0 nodad", "route")]
    public async Task What_others_change_is_put_back_and_said_once(string change, string said)
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true);
        await agent.SyncAsync(HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true));
        await agent.SettleAsync();

        Node.Shell(change);

        await Wait.Until(() => UnderlayRoutes.AreExactly(Node, 2, 3), Soon, "all is as before");
        await agent.SettleAsync();
        Assert.True(UnderlayRoutes.AreExactly(Node, 2, 3));
        string repaired = string.Join('\n', agent.Log.Lines.Where(IsRepair));
        Assert.Contains(said, repaired, StringComparison.Ordinal);
        Assert.Contains(
            "flannel_drift_repaired_total{kind=\"route\"}", agent.Metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_uplink_made_anew_gets_its_routes()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true);
        await agent.SyncAsync(HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true));
        await agent.SettleAsync();

        Node.Shell("ip link del eth0");
        await Wait.Until(() => agent.Reconciler.Status.Trouble is not null, Soon, "the trouble is seen");
        Node.Shell(
            """
            ip link add eth0 type veth peer name far
            ip address add 192.0.2.1/24 dev eth0
            ip address add 2001:db8::1/64 dev eth0 nodad
            ip link set far up
            ip link set eth0 up
            """);

        await Wait.Until(() => UnderlayRoutes.AreExactly(Node, 2, 3), Soon, "the routes are back");
        await agent.SettleAsync();
        Assert.Null(agent.Reconciler.Status.Trouble);
        Assert.DoesNotContain(agent.Log.Lines, static line => line.Contains("refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_MTU_or_address_of_the_uplink_is_published_while_running()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw);
        await agent.SyncAsync(HostGwLeaseOf(2));

        Node.Shell("ip link set eth0 mtu 1400");
        await Wait.Until(() => agent.Published is { State.Mtu: 1400 }, Soon, "the new MTU is told");

        Node.Shell("ip address del 192.0.2.1/24 dev eth0; ip address add 192.0.2.77/24 dev eth0");
        await Wait.Until(
            () => agent.Published?.State.Attributes.PublicIP == TestCluster.Address4(77), Soon, "the address is told");
        await Wait.Until(() => UnderlayRoutes.Of(Node).Count == 1, Soon, "the route is back");
    }

    [Fact]
    public async Task A_change_of_one_lease_is_one_replace()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw);
        await agent.SyncAsync(HostGwLeaseOf(2), HostGwLeaseOf(3));
        await agent.SettleAsync();
        await using KernelWatch watch = new(Node);

        await agent.SyncAsync(HostGwLeaseOf(2, publicIP: "192.0.2.99"), HostGwLeaseOf(3));
        await agent.SettleAsync();

        RtnlEvent only = Assert.Single(watch.Events);
        Assert.False(only.IsDeleted);
        Assert.Equal(IpAddr.Parse("192.0.2.99"), only.Route.Gateway);
    }

    [Fact]
    public async Task What_left_while_no_agent_ran_is_collected_and_what_others_made_stays()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true))
        {
            await agent.SyncAsync(HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true));
        }

        string[] foreign =
        [
            "10.244.2.0/24 via 192.0.2.9 dev eth0 proto static metric 50",
            "10.244.50.0/24 via 192.0.2.9 dev eth0 proto static",
            "172.16.0.0/12 via 192.0.2.9 dev eth0",
        ];
        Node.Shell(string.Join('\n', foreign.Select(static route => $"ip route add {route}")));
        Node.Shell("ip route append 10.244.2.0/24 via 192.0.2.9 dev eth0 proto static");
        Node.Shell("ip -6 route add fd00:10:244:2::/64 via 2001:db8::9 dev eth0 metric 50");

        await using DataPlaneHarness restarted = await StartAsync(Node, 1, _state, HostGw, isDualStack: true);
        await restarted.SyncAsync(HostGwLeaseOf(2, isDualStack: true));
        await restarted.SettleAsync();

        Assert.Equal(["10.244.2.0/24 via 192.0.2.2 dev eth0"], UnderlayRoutes.Of(Node));
        Assert.Equal(["fd00:10:244:2::/64 via 2001:db8::2 dev eth0 metric 1024"], UnderlayRoutes.Of6(Node));
        string routes = Node.Shell("ip route show; ip -6 route show");
        Assert.All(foreign, route => Assert.Contains(route, routes, StringComparison.Ordinal));
        Assert.Contains("10.244.2.0/24 via 192.0.2.9 dev eth0 proto static \n", routes, StringComparison.Ordinal);
        Assert.Contains("fd00:10:244:2::/64 via 2001:db8::9 dev eth0 metric 50", routes, StringComparison.Ordinal);
        Assert.DoesNotContain(restarted.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_restart_writes_nothing()
    {
        Lease[] peers = [HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true)];
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true))
        {
            await agent.SyncAsync(peers);
            await agent.SettleAsync();
        }

        await using KernelWatch watch = new(Node);
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true))
        {
            await agent.SyncAsync(peers);
            await agent.SettleAsync();
        }

        Assert.Empty(watch.Events);
    }

    [Fact]
    public async Task What_upstream_left_is_adopted_when_it_is_right_and_otherwise_reported_once_and_left()
    {
        Node.Shell(
            """
            ip route add 10.244.2.0/24 via 192.0.2.2 dev eth0
            ip route add 10.244.3.0/24 via 192.0.2.33 dev eth0
            ip route add 10.244.8.0/24 via 192.0.2.8 dev eth0
            """);
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw);

        await agent.SyncAsync(HostGwLeaseOf(2), HostGwLeaseOf(3));
        agent.Inbox.PostFull();
        await agent.SettleAsync();

        Assert.Equal(
            ["10.244.2.0/24 via 192.0.2.2 dev eth0", "10.244.3.0/24 via 192.0.2.3 dev eth0"], UnderlayRoutes.Of(Node));
        Assert.Equal("10.244.8.0/24 via 192.0.2.8 dev eth0 \n", Node.Shell("ip route show proto boot"));
        Assert.Contains(
            "route 10.244.8.0/24 via 192.0.2.8 proto 3: belongs to no lease",
            Assert.Single(agent.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal)),
            StringComparison.Ordinal);

        await agent.SyncAsync(HostGwLeaseOf(3));
        Assert.Single(UnderlayRoutes.Of(Node));
    }

    [Fact]
    public async Task A_peer_behind_a_router_or_with_another_backend_is_refused_with_a_line_each()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw);
        Lease remote = HostGwLeaseOf(3, publicIP: "198.51.100.3");

        await agent.SyncAsync(HostGwLeaseOf(2), remote, LeaseOf(4));
        agent.Inbox.PostFull();
        await agent.SettleAsync();

        Assert.Equal(["10.244.2.0/24 via 192.0.2.2 dev eth0"], UnderlayRoutes.Of(Node));
        Assert.Equal(
            [
                "Warning: Lease node3 refused: public IP 198.51.100.3 is not on the link of eth0, "
                    + "which host-gw needs and vxlan does not",
                "Warning: Lease node4 refused: its backend is \"vxlan\", ours is host-gw",
            ],
            agent.Log.Lines.Where(static line => line.StartsWith("Warning", StringComparison.Ordinal)).Order());

        Node.Shell("ip address add 198.51.100.1/24 dev eth0");
        await Wait.Until(() => UnderlayRoutes.Of(Node).Count == 2, Soon, "the peer is on the link now");

        Node.Shell("ip route add 198.51.100.3/32 via 192.0.2.2");
        await Wait.Until(() => UnderlayRoutes.Of(Node).Count == 1, Soon, "and is not any more");
    }

    [Fact]
    public async Task A_public_address_that_is_not_the_interfaces_own_is_an_error()
    {
        LinuxException e = await Assert.ThrowsAsync<LinuxException>(
            () => StartAsync(Node, 1, _state, HostGw, publicIP: IpAddr.Parse("203.0.113.5")));

        Assert.Equal(Errno.EADDRNOTAVAIL, e.Errno);
        Assert.StartsWith(
            "host-gw: the public IP 203.0.113.5 is not eth0's own, 192.0.2.1, so that peers cannot use it as a gateway",
            e.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_from_vxlan_and_back_leaves_nothing_of_the_other()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(8, isDualStack: true));
        }

        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw, isDualStack: true))
        {
            await agent.SyncAsync(HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true));
            await agent.SettleAsync();

            Assert.True(UnderlayRoutes.AreExactly(Node, 2, 3));
            Assert.Equal("", Node.Shell("ip link show type vxlan; ip route show | grep flannel || true"));
            Assert.Equal(
                2,
                agent.Log.Lines.Count(static line => line.Contains(": Removed flannel", StringComparison.Ordinal)));
        }

        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(4, isDualStack: true));
            await agent.SettleAsync();

            Assert.True(Peers.AreExactly(Node, 2, 4));
            Assert.True(Peers.AreExactly6(Node, 2, 4));
            Assert.Equal("", Node.Shell("ip route show proto 244; ip -6 route show proto 244"));
        }
    }

    [Fact]
    public async Task A_vxlan_device_that_is_not_provably_ours_stays()
    {
        Node.Shell(
            """
            ip link add flannel.2 type vxlan id 2 dstport 8472 dev eth0
            ip address add 10.99.0.0/32 dev flannel.2
            ip link add flannel.3 type vxlan id 33 dstport 8473 dev eth0
            ip link add other type vxlan id 4 dstport 8474 dev eth0
            ip link add flannel.5 type vxlan id 5 dstport 8475 dev eth0
            ip address add 10.244.1.0/32 dev flannel.5
            """);
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, HostGw);

        await agent.SyncAsync(HostGwLeaseOf(2));

        Assert.Equal(
            ["flannel.2", "flannel.3", "other"],
            Node.ShellJson("ip -json link show type vxlan").EnumerateArray()
                .Select(static link => link.GetProperty("ifname").GetString()).Order());
    }

    [Fact]
    public async Task Without_any_notification_all_is_back_within_ten_seconds()
    {
        using TestFolder state2 = new();
        await using DataPlaneHarness deaf1 = await StartAsync(
            Node, 1, _state, HostGw, isDualStack: true, isDeaf: true);
        await using DataPlaneHarness deaf2 = await StartAsync(
            _cluster.Nodes[1], 2, state2, isDualStack: true, isDeaf: true);
        await deaf1.SyncAsync(HostGwLeaseOf(2, isDualStack: true), HostGwLeaseOf(3, isDualStack: true));
        await deaf2.SyncAsync(LeaseOf(1, isDualStack: true), LeaseOf(3, isDualStack: true));

        Node.Shell("ip route flush proto 244; ip -6 route flush proto 244");
        _cluster.Nodes[1].Shell("ip link del flannel.1; ip link del flannel-v6.1");

        TimeSpan limit = TimeSpan.FromSeconds(10);
        await Wait.Until(() => UnderlayRoutes.AreExactly(Node, 2, 3), limit, "the routes are back");
        await Wait.Until(
            () => Peers.AreExactly(_cluster.Nodes[1], 1, 3) && Peers.AreExactly6(_cluster.Nodes[1], 1, 3),
            limit,
            "the tunnels are back");
    }

    private static bool IsRepair(string line) => line.StartsWith("Warning: Repaired", StringComparison.Ordinal);

    private TestNode AddPod(int number)
    {
        TestNode pod = TestPod.AddTo(_cluster.Nodes[number - 1], number, mtu: 1500);
        _pods.Add(pod);
        return pod;
    }
}

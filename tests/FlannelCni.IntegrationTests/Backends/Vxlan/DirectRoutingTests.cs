using FlannelCni.IntegrationTests.DataPlane;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.Backends.Vxlan;

/// <summary>Peers on the same link by a route, those behind a router through the tunnel.</summary>
public sealed class DirectRoutingTests : IDisposable
{
    private const string Direct = """{"DirectRouting":true}""";
    private const int Remote = 9;

    private readonly TestCluster _cluster = TestCluster.Create(2);
    private readonly TestFolder _state1 = new();
    private readonly TestFolder _state2 = new();
    private readonly TestFolder _state3 = new();
    private readonly List<TestNode> _pods = [];

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _pods.ForEach(static pod => pod.Dispose());
        _cluster.Dispose();
        _state1.Dispose();
        _state2.Dispose();
        _state3.Dispose();
    }

    [Fact]
    public async Task Packets_take_the_link_or_the_tunnel_by_where_the_peer_is()
    {
        TestNode remote = _cluster.AddRemoteNode(Remote);
        await using DataPlaneHarness agent1 = await StartAsync(Node, 1, _state1, Direct, isDualStack: true);
        await using DataPlaneHarness agent2 = await StartAsync(
            _cluster.Nodes[1], 2, _state2, Direct, isDualStack: true);
        await using DataPlaneHarness agent9 = await StartAsync(remote, Remote, _state3, Direct, isDualStack: true);
        TestNode pod1 = AddPod(Node, 1);
        AddPod(_cluster.Nodes[1], 2);
        AddPod(remote, Remote);

        await agent1.SyncAsync(agent2.OwnLease(), agent9.OwnLease());
        await agent2.SyncAsync(agent1.OwnLease(), agent9.OwnLease());
        await agent9.SyncAsync(agent1.OwnLease(), agent2.OwnLease());

        Assert.Equal(["10.244.2.0/24 via 192.0.2.2 dev eth0"], UnderlayRoutes.Of(Node));
        Assert.Equal(["fd00:10:244:2::/64 via 2001:db8::2 dev eth0 metric 1024"], UnderlayRoutes.Of6(Node));
        Assert.Equal(["10.244.9.0/24 via 10.244.9.0 onlink"], Peers.Routes(Node));
        Assert.Single(Peers.Neighbours(Node));
        Assert.Single(Peers.Fdb(Node));
        Assert.Empty(UnderlayRoutes.Of(remote));
        Assert.Equal(2, Peers.Routes(remote).Count);

        (int sent, int sent6) = (Tunnelled("flannel.1"), Tunnelled("flannel-v6.1"));
        pod1.Shell("ping -c 2 -i 0.01 -W 2 10.244.2.2 && ping -c 2 -i 0.01 -W 2 fd00:10:244:2::2");
        Assert.Equal((sent, sent6), (Tunnelled("flannel.1"), Tunnelled("flannel-v6.1")));

        pod1.Shell("ping -c 2 -i 0.01 -W 2 10.244.9.2 && ping -c 2 -i 0.01 -W 2 fd00:10:244:9::2");
        Assert.Equal((sent + 2, sent6 + 2), (Tunnelled("flannel.1"), Tunnelled("flannel-v6.1")));
    }

    [Fact]
    public async Task A_peer_moves_between_link_and_tunnel_with_the_underlays_routes_and_no_packet_is_lost()
    {
        _cluster.AddRemoteNode(Remote);
        await using DataPlaneHarness agent1 = await StartAsync(Node, 1, _state1, Direct, isDualStack: true);
        await using DataPlaneHarness agent2 = await StartAsync(
            _cluster.Nodes[1], 2, _state2, Direct, isDualStack: true);
        TestNode pod1 = AddPod(Node, 1);
        AddPod(_cluster.Nodes[1], 2);
        await agent1.SyncAsync(agent2.OwnLease());
        await agent2.SyncAsync(agent1.OwnLease());
        await agent1.SettleAsync();

        Task<string> pings = Task.Run(() => pod1.Shell("ping -q -i 0.005 -c 200 -W 1 10.244.2.2"));
        Task<string> pings6 = Task.Run(() => pod1.Shell("ping -q -i 0.005 -c 200 -W 1 fd00:10:244:2::2"));
        Node.Shell(
            """
            ip route add 192.0.2.2/32 via 192.0.2.254
            ip -6 route add 2001:db8::2/128 via 2001:db8::fe
            """);
        await Wait.Until(() => UnderlayRoutes.Of(Node).Count + UnderlayRoutes.Of6(Node).Count == 0, Soon, "by tunnel");
        await agent1.SettleAsync();
        Assert.Single(Peers.Routes(Node));
        Assert.Single(Peers.Neighbours(Node));
        Assert.Single(Peers.Fdb(Node, "flannel-v6.1"));

        Node.Shell("ip route del 192.0.2.2/32; ip -6 route del 2001:db8::2/128");
        await Wait.Until(() => UnderlayRoutes.AreExactly(Node, 2), Soon, "over the link again");
        await agent1.SettleAsync();
        Assert.Empty(Peers.Routes(Node));
        Assert.Empty(Peers.Neighbours(Node));
        Assert.Empty(Peers.Fdb(Node, "flannel-v6.1"));
        Assert.Contains("200 received, 0% packet loss", await pings, StringComparison.Ordinal);
        Assert.Contains("200 received, 0% packet loss", await pings6, StringComparison.Ordinal);
        Assert.DoesNotContain(agent1.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));
        Assert.Contains(
            agent1.Log.Lines, static line => line.Contains("but for 192.0.2.2/32", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_rest_of_the_routing_table_may_change_without_a_run()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state1, Direct);
        await agent.SyncAsync(LeaseOf(2));
        await agent.SettleAsync();
        string before = agent.Metrics.Render();

        Node.Shell("ip route add 198.18.0.0/15 via 192.0.2.254; ip route add default via 192.0.2.254");
        await agent.SettleAsync();

        Assert.Equal(Runs(before), Runs(agent.Metrics.Render()));
    }

    [Theory]
    [InlineData("ip route del 10.244.2.0/24")]
    [InlineData("ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink")]
    [InlineData("ip -6 route flush proto 244")]
    [InlineData("ip link del flannel.1; ip link del flannel-v6.1")]
    [InlineData("ip neighbour add 10.244.2.0 lladdr 0e:00:00:00:00:02 dev flannel.1")]
    [InlineData("bridge fdb add 0e:00:00:00:00:02 dst 192.0.2.2 dev flannel.1")]
    public async Task Drift_is_repaired_in_both_forms(string change)
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state1, Direct, isDualStack: true);
        await agent.SyncAsync(
            LeaseOf(2, isDualStack: true), LeaseOf(3), LeaseOf(7, publicIP: "198.51.100.7"));
        await agent.SettleAsync();
        string before = Tables();
        Assert.Contains("10.244.7.0/24 via 10.244.7.0 dev flannel.1 onlink", before, StringComparison.Ordinal);

        Node.Shell(change);

        await Wait.Until(
            () => agent.Log.Lines.Any(static l => l.Contains("Repaired", StringComparison.Ordinal)), Soon, "said");
        await Wait.Until(() => Tables() == before, Soon, $"all is as before:\n{before}\nnow:\n{Tables()}");
    }

    [Fact]
    public async Task Switching_it_on_and_off_replaces_every_route_in_place()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state1, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
        }

        await using KernelWatch watch = new(Node);
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state1, Direct, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
            await agent.SettleAsync();
            Assert.True(UnderlayRoutes.AreExactly(Node, 2, 3));
            Assert.Empty(Peers.Fdb(Node));
        }

        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state1, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
            await agent.SettleAsync();
            Assert.True(Peers.AreExactly(Node, 2, 3));
            Assert.True(Peers.AreExactly6(Node, 2, 3));
        }

        // IPv6 needs a way to the gateway for a moment, which is a route to one address.
        Assert.DoesNotContain(
            watch.Events,
            static e => e is { Kind: RtnlEventKind.Route, IsDeleted: true, Route.Destination.Length: < 128 });
    }

    private static IEnumerable<string> Runs(string metrics) => metrics.Split('\n')
        .Where(static line => line.StartsWith("flannel_reconcile_total", StringComparison.Ordinal));

    private string Tables() => string.Join('\n', Node.Shell(
        """
        ip route show; ip -6 route show | grep fd00:
        ip neighbour show nud permanent dev flannel.1; bridge fdb show dev flannel.1
        """).Split('\n').Order(StringComparer.Ordinal));

    private int Tunnelled(string device) => Node.ShellJson($"ip -json -statistics link show {device}")[0]
        .GetProperty("stats64").GetProperty("tx").GetProperty("packets").GetInt32();

    private TestNode AddPod(TestNode node, int number)
    {
        TestNode pod = TestPod.AddTo(node, number);
        _pods.Add(pod);
        return pod;
    }
}

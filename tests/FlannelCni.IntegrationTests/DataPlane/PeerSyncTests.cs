using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>Peers come, change and leave; agents stop and start.</summary>
public sealed class PeerSyncTests : IDisposable
{
    // What others may have on flannel.1, and like it to stay there.
    private const string Foreign =
        """
        ip route add 172.16.0.0/12 dev flannel.1
        ip route add 10.244.40.0/24 via 10.244.41.0 dev flannel.1 onlink
        ip route add 10.244.50.0/24 via 192.0.2.9 dev eth0
        ip route append 10.244.2.0/24 via 192.0.2.9 dev eth0
        ip neighbour add 10.244.60.7 lladdr 0e:00:00:00:00:60 dev flannel.1
        ip neighbour add 172.16.0.0 lladdr 0e:00:00:00:00:61 dev flannel.1
        bridge fdb append 00:00:00:00:00:00 dst 192.0.2.70 dev flannel.1
        bridge fdb append 00:00:00:00:00:00 dst 192.0.2.71 dev flannel.1
        bridge fdb append 01:00:5e:00:00:05 dst 192.0.2.72 dev flannel.1
        bridge fdb add 0e:00:00:00:00:73 dst 192.0.2.73 dynamic dev flannel.1
        """;

    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public async Task Peers_of_both_families_are_in_the_kernel()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);

        await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3), LeaseOf(4, isDualStack: true));

        Assert.Equal(
            [
                "10.244.2.0 0e:00:00:00:00:02 PERMANENT",
                "10.244.3.0 0e:00:00:00:00:03 PERMANENT",
                "10.244.4.0 0e:00:00:00:00:04 PERMANENT",
            ],
            Peers.Neighbours(Node));
        Assert.True(Peers.AreExactly(Node, 2, 3, 4));
        Assert.True(Peers.AreExactly6(Node, 2, 4));
        Assert.Equal(["Information: Peers in sync: 5 new or changed, 15 entries written"], agent.Log.Lines
            .Select(static line => line.Split(" in ")).Select(static part => $"{part[0]} in {part[1]}"));
        Assert.Equal(5, agent.Reconciler.Status.Peers);
    }

    [Fact]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public async Task A_change_of_one_lease_touches_its_entries_and_no_others()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        Lease[] others = [.. Enumerable.Range(3, 10).Select(static i => LeaseOf(i))];
        await agent.SyncAsync([LeaseOf(2), .. others]);
        await agent.SettleAsync();

        await using (KernelWatch watch = new(Node))
        {
            await agent.SyncAsync([LeaseOf(2, publicIP: "192.0.2.99"), .. others]);
            await agent.SettleAsync();
            Assert.Equal(["Fdb 0e:00:00:00:00:02"], Touched(watch));
        }

        await using (KernelWatch watch = new(Node))
        {
            await agent.SyncAsync([LeaseOf(2, "0e:00:00:00:02:02", publicIP: "192.0.2.99"), .. others]);
            await agent.SettleAsync();
            Assert.Equal(
                ["-Fdb 0e:00:00:00:00:02", "Fdb 0e:00:00:00:02:02", "Neighbour 10.244.2.0"], Touched(watch));
        }

        await using (KernelWatch watch = new(Node))
        {
            await agent.SyncAsync(others);
            await agent.SettleAsync();
            Assert.Equal(
                ["-Fdb 0e:00:00:00:02:02", "-Neighbour 10.244.2.0", "-Route 10.244.2.0/24"],
                Touched(watch).Where(static line => line[0] == '-'));
        }

        Assert.True(Peers.AreExactly(Node, Enumerable.Range(3, 10)));
        Assert.DoesNotContain(agent.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Peers_that_swap_their_subnets_keep_their_routes_throughout()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync(LeaseOf(2), LeaseOf(3));
        await agent.SettleAsync();
        await using KernelWatch watch = new(Node);

        await agent.SyncAsync(
            LeaseOf(2) with { Subnet = LeaseOf(3).Subnet }, LeaseOf(3) with { Subnet = LeaseOf(2).Subnet });
        await agent.SettleAsync();

        Assert.Equal(["Neighbour 10.244.2.0", "Neighbour 10.244.3.0"], Touched(watch));
        Assert.Equal(
            ["10.244.2.0 0e:00:00:00:00:03 PERMANENT", "10.244.3.0 0e:00:00:00:00:02 PERMANENT"],
            Peers.Neighbours(Node));
    }

    [Fact]
    public async Task One_node_with_two_leases_is_reached_by_both_until_one_goes()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        Lease renamed = LeaseOf(3, "0e:00:00:00:00:02", publicIP: "192.0.2.2");

        await agent.SyncAsync(LeaseOf(2), renamed);

        Assert.Equal(["0e:00:00:00:00:02 192.0.2.2 permanent"], Peers.Fdb(Node));
        Assert.Equal(2, Peers.Routes(Node).Count);

        await agent.SyncAsync(renamed);

        Assert.Equal(["0e:00:00:00:00:02 192.0.2.2 permanent"], Peers.Fdb(Node));
        Assert.Single(Peers.Routes(Node));
    }

    [Fact]
    public async Task A_restart_writes_nothing()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
            await agent.SettleAsync();
        }

        Assert.True(Peers.AreExactly(Node, 2, 3));
        await using KernelWatch watch = new(Node);
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true))
        {
            await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
            await agent.SettleAsync();
        }

        Assert.Empty(watch.Events);
    }

    [Fact]
    public async Task What_left_while_no_agent_ran_is_collected_and_what_others_made_stays()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state))
        {
            await agent.SyncAsync(LeaseOf(2), LeaseOf(3), LeaseOf(4));
        }

        Node.Shell(Foreign);
        string[] foreign = Dump();
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state))
        {
            await agent.SyncAsync(LeaseOf(2), LeaseOf(5));
            await agent.SettleAsync();
            agent.Inbox.PostFull();
            await agent.SettleAsync();

            string[] after = Dump();
            Assert.Equal(
                foreign.Where(static line => !IsOfPeer(line, 3) && !IsOfPeer(line, 4)),
                after.Where(static line => !IsOfPeer(line, 5)));
            Assert.Equal(3, after.Count(static line => IsOfPeer(line, 5)));
            Assert.Contains(
                "route 10.244.50.0/24 via 192.0.2.9 proto 3: belongs to no lease",
                Assert.Single(agent.Log.Lines, static l => l.StartsWith("Warning", StringComparison.Ordinal)),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_stale_route_of_another_protocol_is_collected()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        Node.Shell("ip route add 10.244.8.0/24 via 10.244.8.0 dev flannel.1 onlink proto static");

        await agent.SyncAsync(LeaseOf(2));

        Assert.True(Peers.AreExactly(Node, 2));
    }

    [Fact]
    public async Task Nothing_is_collected_before_the_first_complete_list()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state))
        {
            await agent.SyncAsync(LeaseOf(2), LeaseOf(3));
        }

        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state))
        {
            agent.Inbox.PostFull();
            await agent.SettleAsync();

            Assert.True(Peers.AreExactly(Node, 2, 3));
            Assert.Equal("no complete list of leases yet", agent.Reconciler.Status.Trouble);
        }
    }

    [Fact]
    public async Task Lost_notifications_cost_a_full_run_and_nothing_else()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync(LeaseOf(2), LeaseOf(3));
        await agent.SettleAsync();

        // More of them than the inbox keeps, while it is full of others.
        RtnlEvent other = new(RtnlEventKind.Nexthop, IsDeleted: false, PortId: 0);
        agent.Inbox.Post([.. Enumerable.Repeat(other, 4000)]);
        Node.Shell("ip route flush dev flannel.1; bridge fdb del 0e:00:00:00:00:02 dev flannel.1");
        agent.Inbox.PostFull();

        await Wait.Until(() => Peers.AreExactly(Node, 2, 3), Soon, "the peers are back");
    }

    [Fact]
    public async Task A_new_own_subnet_moves_the_device_and_is_published()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync(LeaseOf(2));
        Lease moved = agent.OwnLease() with { Subnet = IpPrefix.Parse("10.244.100.0/24") };

        agent.Inbox.Post(new LeaseSnapshot(moved, LeaseTable.Empty.With(LeaseOf(2)), []));

        await Wait.Until(() => agent.Published is not null, Soon, "it is published");
        Assert.Equal(moved, agent.Published?.Own);
        await agent.InSyncAsync();
        string addresses = Node.Shell("ip -4 -oneline address show dev flannel.1");
        Assert.Contains("10.244.100.0/32", addresses, StringComparison.Ordinal);
        Assert.DoesNotContain("10.244.1.0/32", addresses, StringComparison.Ordinal);
        Assert.True(Peers.AreExactly(Node, 2));
    }

    private static bool IsOfPeer(string line, int number) =>
        line.Contains($"10.244.{number}.0", StringComparison.Ordinal)
        || line.Contains($"0e:00:00:00:00:{number:x2}", StringComparison.Ordinal);

    private string[] Dump() => Node.Shell(
            "ip route show; ip -4 neighbour show nud permanent dev flannel.1; bridge fdb show dev flannel.1")
        .Split('\n').Order(StringComparer.Ordinal).ToArray();

    private static string[] Touched(KernelWatch watch) =>
        [.. watch.Events.Select(static e => (e.IsDeleted ? "-" : "") + e.Kind switch
        {
            RtnlEventKind.Route => $"Route {e.Route.Destination}",
            RtnlEventKind.Neighbour => $"Neighbour {e.Neighbour.Address}",
            RtnlEventKind.Fdb => $"Fdb {e.Fdb.Mac}",
            _ => e.Kind.ToString(),
        }).Distinct().Order(StringComparer.Ordinal)];
}

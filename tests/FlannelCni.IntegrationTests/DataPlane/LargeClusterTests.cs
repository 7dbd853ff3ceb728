using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>So many peers that their routes go through nexthop objects.</summary>
public sealed class LargeClusterTests : IDisposable
{
    private const int Many = 1100;
    private const int Victim = 7;

    private static readonly string s_id = ManyPeers.Id(Victim);
    private static readonly string s_gateway = LargeCluster.SubnetBase(Victim).ToString();

    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public async Task What_others_do_to_a_thousand_peers_is_put_back()
    {
        await using DataPlaneHarness agent = await StartAsync();
        await agent.SyncAsync(LargeCluster.Leases(Many));
        await agent.SettleAsync();
        Assert.Null(ManyPeers.WhatDiffers(Node, Many, hasNexthops: true));

        await IsPutBackAsync("ip link del flannel.1");
        await IsPutBackAsync("ip link set flannel.1 down");
        await IsPutBackAsync("ip link set flannel.1 down; ip link set flannel.1 up");
        await IsPutBackAsync("ip address flush dev flannel.1");
        await IsPutBackAsync("ip -batch -", static i => $"route del {LargeCluster.SubnetBase(i)}/24");
        await IsPutBackAsync("ip neighbour flush nud permanent dev flannel.1");
        await IsPutBackAsync("bridge -batch -", static i => $"fdb del {LargeCluster.Mac(i)} dev flannel.1");
        await IsPutBackAsync("ip nexthop flush");
        await IsPutBackAsync($"ip nexthop del id {s_id}");
        await IsPutBackAsync($"ip nexthop replace id {s_id} via 10.1.0.0 dev flannel.1 onlink");
        await IsPutBackAsync("ip -batch -", LargeCluster.PlainRoute);

        async Task IsPutBackAsync(string change, Func<int, string>? line = null)
        {
            Node.Shell(change, line is null ? "" : LargeCluster.Lines(Many, line));
            await IsWholeAsync(Many, hasNexthops: true, change);
            await agent.SettleAsync();
            Assert.Null(ManyPeers.WhatDiffers(Node, Many, hasNexthops: true));
        }
    }

    [Fact]
    public async Task Notifications_that_were_lost_are_made_up_for()
    {
        await using DataPlaneHarness agent = await StartAsync(buffer: 4096);
        await agent.SyncAsync(LargeCluster.Leases(Many));
        await agent.SettleAsync();

        // Each says more than fits while one is read; what is put back meanwhile makes some of them fail.
        DeleteAll("ip", static i => $"neighbour del {LargeCluster.SubnetBase(i)} dev flannel.1");
        DeleteAll("bridge", static i => $"fdb del {LargeCluster.Mac(i)} dev flannel.1");
        DeleteAll("ip", static i => $"route del {LargeCluster.SubnetBase(i)}/24");
        DeleteAll("ip", static i => $"nexthop del id {ManyPeers.Id(i)}");

        await IsWholeAsync(Many, hasNexthops: true, "all was deleted");

        void DeleteAll(string tool, Func<int, string> line) =>
            Node.Shell($"{tool} -force -batch - 2>&1 || true", LargeCluster.Lines(Many, line));
    }

    [Fact]
    public async Task A_cluster_grows_and_shrinks_without_losing_a_route()
    {
        await using DataPlaneHarness agent = await StartAsync();
        await agent.SyncAsync(LargeCluster.Leases(1000));
        Assert.Null(ManyPeers.WhatDiffers(Node, 1000, hasNexthops: false));
        await using KernelWatch watch = new(Node);

        foreach ((int count, bool hasNexthops) in ((int, bool)[])
            [(1001, true), (900, true), (801, true), (800, false), (1000, false)])
        {
            await agent.SyncAsync(LargeCluster.Leases(count));
            Assert.Null(ManyPeers.WhatDiffers(Node, count, hasNexthops));
        }

        Assert.DoesNotContain(watch.Events, static e => e is { Kind: RtnlEventKind.Route, IsDeleted: true }
            && e.Route.Destination.Address.CompareTo(LargeCluster.SubnetBase(800)) < 0);
        Assert.DoesNotContain(agent.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_restart_keeps_the_form_it_finds_and_writes_nothing()
    {
        await using (DataPlaneHarness agent = await StartAsync())
        {
            await agent.SyncAsync(LargeCluster.Leases(Many));
            await agent.SyncAsync(LargeCluster.Leases(900));
        }

        await using KernelWatch watch = new(Node);
        await using DataPlaneHarness restarted = await StartAsync();
        await restarted.SyncAsync(LargeCluster.Leases(900));
        await restarted.SettleAsync();

        Assert.Empty(watch.Events);
        Assert.Null(ManyPeers.WhatDiffers(Node, 900, hasNexthops: true));
    }

    [Fact]
    public async Task Nexthops_of_others_are_left_alone()
    {
        // One has a number of ours, one is on our device.
        Node.Shell($"ip nexthop add id {s_id} via 192.0.2.9 dev eth0");
        await using DataPlaneHarness agent = await StartAsync();
        Node.Shell("ip nexthop add id 5 via 10.1.0.0 dev flannel.1 onlink");
        string foreign = Node.Shell("ip nexthop show");

        await agent.SyncAsync(LargeCluster.Leases(Many));
        await agent.SettleAsync();
        agent.Inbox.PostFull();
        await agent.SettleAsync();

        Assert.Equal($"{s_gateway}/24 via {s_gateway} onlink ", RouteOfVictim());
        string route = Node.Shell($"ip route show {LargeCluster.SubnetBase(8)}/24");
        Assert.Contains(" nhid ", route, StringComparison.Ordinal);
        Assert.Single(agent.Log.Lines);

        Node.Shell($"ip nexthop del id {s_id}; ip nexthop del id 5");
        await IsWholeAsync(Many, hasNexthops: true, "the number is free");

        // Taken while it is ours: the route leaves it to them.
        Node.Shell($"ip nexthop replace id {s_id} via 192.0.2.9 dev eth0");
        await Wait.Until(
            () => RouteOfVictim() == $"{s_gateway}/24 via {s_gateway} onlink ", Soon, "the route leads to the peer");
        Node.Shell("ip nexthop add id 5 via 10.1.0.0 dev flannel.1 onlink");

        await agent.SyncAsync([]);
        await agent.SettleAsync();

        Assert.Equal(foreign, Node.Shell("ip nexthop show"));
        Assert.Empty(Node.Shell("ip route show dev flannel.1"));
    }

    [Fact]
    public async Task Upstream_takes_over_and_gives_back()
    {
        await using (DataPlaneHarness agent = await StartAsync())
        {
            await agent.SyncAsync(LargeCluster.Leases(Many));
        }

        // Its agent replaces every route by a plain one at its start, and deletes by what it knows of them.
        Node.Shell("ip -batch -", LargeCluster.Lines(Many, LargeCluster.PlainRoute));
        Node.Shell($"ip route del {s_gateway}/24 via {s_gateway} dev flannel.1 onlink");

        await using DataPlaneHarness restarted = await StartAsync();
        await restarted.SyncAsync(LargeCluster.Leases(Many));
        await restarted.SettleAsync();
        Assert.Null(ManyPeers.WhatDiffers(Node, Many, hasNexthops: true));

        // Nothing of ours is left behind by what a peer's end deletes, whatever form its route has.
        Node.Shell($"ip route replace {s_gateway}/24 via {s_gateway} dev flannel.1 onlink");
        await restarted.SyncAsync([.. LargeCluster.Leases(Many).Where(static lease => lease.Key != $"node{Victim}")]);
        await restarted.SettleAsync();
        Assert.Empty(RouteOfVictim());
        Assert.DoesNotContain($"id {s_id} ", Node.Shell("ip nexthop show"), StringComparison.Ordinal);
    }

    private string RouteOfVictim() => Node.Shell($"ip route show {s_gateway}/24 dev flannel.1").TrimEnd('\n');

    private Task<DataPlaneHarness> StartAsync(int buffer = RtnlMonitor.DefaultBufferSize) =>
        DataPlaneHarness.StartAsync(Node, 1, _state, network: LargeCluster.Network, buffer: buffer);

    private async Task IsWholeAsync(int count, bool hasNexthops, string after)
    {
        string? difference = null;
        await Wait.Until(
            () => (difference = ManyPeers.WhatDiffers(Node, count, hasNexthops)) is null,
            Soon,
            () => $"all is there after {after}: {difference}");
    }
}

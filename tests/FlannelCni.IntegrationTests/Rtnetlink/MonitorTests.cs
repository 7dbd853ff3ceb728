using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Rtnetlink;

/// <summary>Notifications of each kind, and the report of those that were lost.</summary>
public sealed class MonitorTests : IDisposable
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:02");

    private readonly TestNode _node = TestNode.Create();

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Links_that_come_and_go_are_announced()
    {
        using RtnlMonitor monitor = Open(RtnlGroup.RTNLGRP_LINK);

        Rtnl.AddBridge("cni0", s_mac, 0);
        Rtnl.DeleteLinkIfPresent("cni0");

        List<RtnlEvent> events = await ReadUntil(monitor, static e => e.IsDeleted);
        Assert.All(events, static e => Assert.Equal(RtnlEventKind.Link, e.Kind));
        Assert.All(events, static e => Assert.Equal(("cni0", s_mac), (e.Link!.Name, e.Link.Mac)));
        Assert.All(events, static e => Assert.Equal(0u, e.PortId));
        Assert.False(events[0].IsDeleted);
        Assert.Equal("bridge", events[0].Link!.Kind);
    }

    [Theory]
    [InlineData(RtnlGroup.RTNLGRP_IPV4_IFADDR, "10.0.0.1/24")]
    [InlineData(RtnlGroup.RTNLGRP_IPV6_IFADDR, "fd00::1/64")]
    public async Task Addresses_are_announced(RtnlGroup group, string prefix)
    {
        int link = AddLink();
        using RtnlMonitor monitor = Open(group);
        LinkAddress address = new(link, IpPrefix.Parse(prefix)) { Flags = AddressFlags.IFA_F_NODAD };

        Rtnl.AddAddress(address);
        List<RtnlEvent> added = await ReadUntil(monitor, e => e.Address.Prefix == address.Prefix);
        Rtnl.DeleteAddressIfPresent(link, address.Prefix);
        List<RtnlEvent> deleted = await ReadUntil(monitor, static e => e.IsDeleted);

        Assert.Equal((RtnlEventKind.Address, false), (added[^1].Kind, added[^1].IsDeleted));
        Assert.Equal(link, added[^1].Address.LinkIndex);
        Assert.Equal((RtnlEventKind.Address, address.Prefix), (deleted[^1].Kind, deleted[^1].Address.Prefix));
    }

    [Theory]
    [InlineData(RtnlGroup.RTNLGRP_IPV4_ROUTE, "10.1.0.0/24", "10.1.0.0")]
    [InlineData(RtnlGroup.RTNLGRP_IPV6_ROUTE, "fd00:1::/64", "fd00:1::")]
    public async Task Routes_are_announced_with_who_changed_them(RtnlGroup group, string destination, string gateway)
    {
        Route route = new(IpPrefix.Parse(destination))
        {
            Gateway = IpAddr.Parse(gateway),
            OutInterface = AddLink(),
            IsOnlink = true,
        };
        using RtnlMonitor monitor = Open(group);

        Rtnl.AddRoute(route);
        Rtnl.DeleteRouteIfPresent(route);

        List<RtnlEvent> events = await ReadUntil(monitor, e => e.IsDeleted && e.Route.Destination == route.Destination);
        events.RemoveAll(e => e.Route.Destination != route.Destination);
        Assert.Equal(
            [
                new(RtnlEventKind.Route, IsDeleted: false, Rtnl.PortId) { Route = route },
                new(RtnlEventKind.Route, IsDeleted: true, Rtnl.PortId) { Route = route },
            ],
            events);
    }

    [Fact]
    public async Task Nexthops_are_announced_with_who_changed_them()
    {
        Nexthop nexthop = new(77, IpAddr.Parse("10.0.0.1"), AddLink()) { IsOnlink = true };
        using RtnlMonitor monitor = Open(RtnlGroup.RTNLGRP_NEXTHOP);

        Rtnl.AddNexthop(nexthop);
        Rtnl.DeleteNexthopIfPresent(77);

        Assert.Equal(
            [
                new(RtnlEventKind.Nexthop, IsDeleted: false, Rtnl.PortId) { Nexthop = nexthop },
                new(RtnlEventKind.Nexthop, IsDeleted: true, Rtnl.PortId) { Nexthop = nexthop },
            ],
            await ReadUntil(monitor, static e => e.IsDeleted));
    }

    [Fact]
    public async Task What_a_socket_did_is_not_announced_to_who_ignores_it()
    {
        Nexthop ignored = new(77, IpAddr.Parse("10.0.0.1"), AddLink()) { IsOnlink = true };
        using RtnlSocket other = _node.Namespace.Run(RtnlSocket.Open);
        using RtnlMonitor monitor = _node.Namespace.Run(
            () => RtnlMonitor.Open(RtnlGroup.RTNLGRP_NEXTHOP, ignoredPort: Rtnl.PortId));

        Rtnl.AddNexthop(ignored);
        other.AddNexthop(ignored with { Id = 78 });
        Rtnl.DeleteNexthopIfPresent(78);
        other.DeleteNexthopIfPresent(77);

        List<RtnlEvent> events = await ReadUntil(monitor, static e => e.IsDeleted);
        Assert.Equal([(78u, false), (77u, true)], events.Select(static e => (e.Nexthop.Id, e.IsDeleted)));
    }

    [Fact]
    public async Task Neighbours_and_FDB_entries_are_announced()
    {
        _node.Shell("ip link add flannel.1 up type vxlan id 1 dstport 8472 local 192.0.2.1 nolearning");
        int link = Rtnl.GetLink("flannel.1").Index;
        Neighbour neighbour = new(link, IpAddr.Parse("10.1.0.0"), s_mac);
        FdbEntry entry = new(link, s_mac, IpAddr.Parse("192.0.2.2"));
        using RtnlMonitor monitor = Open(RtnlGroup.RTNLGRP_NEIGH);

        Rtnl.ReplaceNeighbour(neighbour);
        Rtnl.ReplaceFdbEntry(entry);
        Rtnl.DeleteNeighbourIfPresent(neighbour);
        Rtnl.DeleteFdbEntryIfPresent(entry);

        List<RtnlEvent> events = await ReadUntil(monitor, static e => e.IsDeleted && e.Kind == RtnlEventKind.Fdb);
        Assert.Contains(new(RtnlEventKind.Neighbour, IsDeleted: false, Rtnl.PortId) { Neighbour = neighbour }, events);
        Assert.Contains(new(RtnlEventKind.Fdb, IsDeleted: false, 0) { Fdb = entry }, events);
        Assert.Contains(new(RtnlEventKind.Fdb, IsDeleted: true, 0) { Fdb = entry }, events);
        Assert.Contains(events, e => e.Neighbour.State == NeighbourState.NUD_FAILED && e.PortId == Rtnl.PortId);
        Assert.Contains(events, e => e.IsDeleted && e.Neighbour.Address == neighbour.Address && e.PortId == 0);
    }

    [Fact]
    public async Task Thousands_of_notifications_fit_into_the_buffer()
    {
        int link = AddLink();
        using RtnlMonitor monitor = Open(RtnlGroup.RTNLGRP_IPV4_ROUTE);

        Assert.Empty(Rtnl.Execute(Routes(link, 0, 8000)));

        List<RtnlEvent> events = await ReadUntil(monitor, static e => $"{e.Route.Destination}" == "10.0.31.63/32");
        Assert.Equal(8000, events.Count);
    }

    [Fact]
    public async Task Lost_notifications_are_reported_once_and_none_is_missed_after_the_report()
    {
        int link = AddLink();
        using RtnlMonitor monitor = _node.Namespace.Run(
            static () => RtnlMonitor.Open(RtnlGroup.RTNLGRP_IPV4_ROUTE, bufferSize: 32 * 1024));
        Assert.Empty(Rtnl.Execute(Routes(link, 0, 2000)));
        List<RtnlEvent> events = [];

        bool isComplete = await monitor.ReceiveAsync(events, Deadline().Token);
        events.Clear();

        Assert.False(isComplete);
        Rtnl.Execute(Routes(link, 5000, 5010));
        events = await ReadUntil(monitor, static e => e.Route.Destination.ToString() == "10.0.19.145/32");
        Assert.Equal(
            Enumerable.Range(5000, 10).Select(static i => IpAddr.Parse("10.0.0.0").Add((UInt128)i)),
            events.Select(static e => e.Route.Destination.Address));
    }

    [Fact]
    public async Task Waiting_ends_with_its_token()
    {
        using RtnlMonitor monitor = Open(RtnlGroup.RTNLGRP_LINK);
        using CancellationTokenSource source = new();
        ValueTask<bool> receiving = monitor.ReceiveAsync([], source.Token);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await receiving);
    }

    private static RtnlBatch Routes(int link, int from, int to)
    {
        RtnlBatch batch = new();
        for (int i = from; i < to; i++)
        {
            IpAddr destination = IpAddr.Parse("10.0.0.0").Add((UInt128)i);
            batch.ReplaceRoute(new Route(IpPrefix.Host(destination)) { OutInterface = link });
        }

        return batch;
    }

    private static CancellationTokenSource Deadline() => new(TimeSpan.FromSeconds(10), TimeProvider.System);

    private static async Task<List<RtnlEvent>> ReadUntil(RtnlMonitor monitor, Func<RtnlEvent, bool> isLast)
    {
        using CancellationTokenSource deadline = Deadline();
        List<RtnlEvent> events = [];
        while (!events.Any(isLast))
        {
            Assert.True(await monitor.ReceiveAsync(events, deadline.Token));
        }

        return events;
    }

    private RtnlMonitor Open(RtnlGroup group) => _node.Namespace.Run(() => RtnlMonitor.Open(group));

    private int AddLink()
    {
        _node.Shell(
            "ip link set lo up; ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up");
        return Rtnl.GetLink("eth0").Index;
    }
}

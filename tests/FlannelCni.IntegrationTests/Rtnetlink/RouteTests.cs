using System.Text.Json;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Rtnetlink;

/// <summary>Routes and nexthop objects, judged by <c>ip -json route</c> and <c>ip -json nexthop</c>.</summary>
public sealed class RouteTests : IDisposable
{
    private const RouteProtocol Ours = (RouteProtocol)99;

    private readonly TestNode _node = TestNode.Create();
    private readonly int _link;
    private readonly int _other;

    public RouteTests()
    {
        // Without any address IPv4 takes every gateway for a broadcast address.
        _node.Shell(
            "ip link set lo up; ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up");
        _link = _node.Rtnl.GetLink("eth0").Index;
        _other = _node.Rtnl.GetLink("far").Index;
    }

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("10.1.1.0/24", "10.1.1.0")]
    [InlineData("0.0.0.0/0", "10.1.1.0")]
    [InlineData("fd00:1::/64", "fd00:1::")]
    [InlineData("::/0", "fe80::1")]
    [InlineData("10.1.1.0/24", "fe80::1")]
    public void A_route_is_read_as_it_was_made_and_iproute2_shows_it(string destination, string gateway)
    {
        Route route = Onlink(destination, gateway) with { Metric = 7, Mtu = 1400, AdvertisedMss = 1300 };

        Rtnl.AddRoute(route);

        Assert.Equal([route], List(route.Destination.Is6));
        JsonElement shown = _node.ShellJson($"ip -json {(route.Destination.Is6 ? "-6" : "-4")} route show proto 99")[0];
        JsonElement shownGateway = shown.TryGetProperty("via", out JsonElement via)
            ? via.GetProperty("host")
            : shown.GetProperty("gateway");
        Assert.Equal(route.Destination.IsDefault ? "default" : destination, shown.GetProperty("dst").GetString());
        Assert.Equal(gateway, shownGateway.GetString());
        Assert.Equal(7, shown.GetProperty("metric").GetInt32());
        Assert.Equal(1400, shown.GetProperty("metrics")[0].GetProperty("mtu").GetInt32());
        Assert.Equal(1300, shown.GetProperty("metrics")[0].GetProperty("advmss").GetInt32());
        Assert.Contains("onlink", shown.GetProperty("flags").EnumerateArray().Select(static f => f.GetString()));
    }

    [Fact]
    public void An_IPv6_route_without_a_metric_is_read_as_it_was_made()
    {
        Route route = Onlink("fd00:1::/64", "fd00:1::");

        Rtnl.AddRoute(route);

        Assert.Equal([route], List(is6: true));
        Assert.True(Rtnl.DeleteRouteIfPresent(route));
    }

    [Fact]
    public void Adding_twice_is_EEXIST_and_replacing_is_one_change()
    {
        Route route = Onlink("10.1.1.0/24", "10.1.1.0");
        Rtnl.AddRoute(route);

        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddRoute(route));
        Rtnl.ReplaceRoute(Onlink("10.1.1.0/24", "10.1.1.9"));

        Assert.Equal("add route 10.1.1.0/24: File exists (EEXIST)", e.Message);
        Assert.Equal([Onlink("10.1.1.0/24", "10.1.1.9")], List());
    }

    [Fact]
    public void An_error_has_the_kernels_sentence()
    {
        Route route = Onlink("10.1.1.0/24", "10.9.9.9") with { IsOnlink = false };

        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddRoute(route));

        Assert.Equal(
            "add route 10.1.1.0/24 [Nexthop has invalid gateway]: Network is unreachable (ENETUNREACH)", e.Message);
    }

    [Theory]
    [InlineData("10.1.1.0/24", "10.1.1.0")]
    [InlineData("fd00:1::/64", "fd00:1::")]
    public void Deleting_goes_by_all_that_is_given(string destination, string gateway)
    {
        Route route = Onlink(destination, gateway);
        Rtnl.AddRoute(route);

        Assert.False(Rtnl.DeleteRouteIfPresent(route with { Gateway = route.Gateway.Add(1) }));
        Assert.False(Rtnl.DeleteRouteIfPresent(route with { Protocol = RouteProtocol.RTPROT_STATIC }));
        Assert.False(Rtnl.DeleteRouteIfPresent(route with { Metric = 5 }));
        Assert.False(Rtnl.DeleteRouteIfPresent(route with { Table = 100 }));
        Assert.True(Rtnl.DeleteRouteIfPresent(route));
        Assert.False(Rtnl.DeleteRouteIfPresent(route));
    }

    [Fact]
    public void The_kernel_lists_only_what_was_asked_for()
    {
        Route ours = Onlink("10.1.1.0/24", "10.1.1.0");
        Route elsewhere = Onlink("10.1.2.0/24", "10.1.2.0") with { OutInterface = _other };
        Route foreign = Onlink("10.1.3.0/24", "10.1.3.0") with { Protocol = RouteProtocol.RTPROT_STATIC };
        Route inTable = Onlink("10.1.4.0/24", "10.1.4.0") with { Table = 1000 };
        Route blackhole = new(IpPrefix.Parse("10.1.5.0/24")) { Type = RouteType.RTN_BLACKHOLE, Protocol = Ours };
        foreach (Route route in (Route[])[ours, elsewhere, foreign, inTable, blackhole])
        {
            Rtnl.AddRoute(route);
        }

        Assert.Equal([ours, elsewhere, foreign, blackhole], Rtnl.ListRoutes(new RouteFilter(Is6: false)));
        Assert.Equal([ours, elsewhere, blackhole], List());
        Assert.Equal([elsewhere], Rtnl.ListRoutes(new RouteFilter(Is6: false) { OutInterface = _other }));
        Assert.Equal([inTable], Rtnl.ListRoutes(new RouteFilter(Is6: false) { Table = 1000 }));
        Assert.Equal(
            [ours, elsewhere, blackhole, inTable],
            Rtnl.ListRoutes(new RouteFilter(Is6: false) { Table = 0, Protocol = Ours }).OrderBy(static r => r.Table)
                .ThenBy(static r => r.Destination));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_table_that_does_not_exist_yet_is_empty(bool is6)
    {
        using TestNode fresh = TestNode.Create();

        Assert.Empty(fresh.Rtnl.ListRoutes(new RouteFilter(is6)));
        Assert.Empty(fresh.Rtnl.ListRoutes(new RouteFilter(is6) { Table = 0 }));
        Assert.Empty(fresh.Rtnl.ListRoutes(new RouteFilter(is6) { Table = 4711 }));
        Assert.Equal(
            Errno.ENODEV,
            Assert.Throws<NetlinkException>(() => Rtnl.ListRoutes(new RouteFilter(is6) { OutInterface = 4711 })).Errno);
    }

    [Fact]
    public void ResolveRoute_says_what_ip_route_get_says()
    {
        _node.Shell("ip address add 192.0.2.1/24 dev eth0; ip route add 10.0.0.0/8 via 192.0.2.254");
        _node.Shell("ip address add 2001:db8::1/64 dev eth0 nodad; ip route add fd00::/8 via 2001:db8::fe");

        Route? direct = Rtnl.ResolveRoute(IpAddr.Parse("192.0.2.7"));
        Route? routed = Rtnl.ResolveRoute(IpAddr.Parse("10.1.2.3"));
        Route? routed6 = Rtnl.ResolveRoute(IpAddr.Parse("fd00::1"));

        Assert.Equal((_link, true), (direct!.Value.OutInterface, direct.Value.Gateway.IsNone));
        Assert.Equal(IpAddr.Parse("192.0.2.254"), routed!.Value.Gateway);
        Assert.Equal(IpAddr.Parse("192.0.2.1"), routed.Value.PreferredSource);
        Assert.Equal(IpAddr.Parse("2001:db8::fe"), routed6!.Value.Gateway);
        Assert.Null(Rtnl.ResolveRoute(IpAddr.Parse("172.16.0.1")));
        Assert.Null(Rtnl.ResolveRoute(IpAddr.Parse("2001:db9::1")));
    }

    [Fact]
    public void A_multipath_route_says_so()
    {
        _node.Shell("ip route add 10.0.0.0/8 nexthop via 10.0.0.1 dev eth0 onlink nexthop via 10.0.0.2 dev far onlink");

        Assert.True(Assert.Single(Rtnl.ListRoutes(new RouteFilter(Is6: false))).IsMultipath);
    }

    [Fact]
    public void A_nexthop_is_read_as_it_was_made_and_iproute2_shows_it()
    {
        Nexthop nexthop = new(77, IpAddr.Parse("10.1.1.0"), _link) { IsOnlink = true, Protocol = Ours };

        Rtnl.AddNexthop(nexthop);

        JsonElement shown = _node.ShellJson("ip -json nexthop show")[0];
        Assert.Equal([nexthop], Rtnl.ListNexthops());
        Assert.Equal([nexthop], Rtnl.ListNexthops(_link));
        Assert.Empty(Rtnl.ListNexthops(_other));
        Assert.Equal(77, shown.GetProperty("id").GetInt32());
        Assert.Equal("10.1.1.0", shown.GetProperty("gateway").GetString());
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => Rtnl.AddNexthop(nexthop)).Errno);
        Assert.True(Rtnl.DeleteNexthopIfPresent(77));
        Assert.False(Rtnl.DeleteNexthopIfPresent(77));
    }

    [Theory]
    [InlineData("10.1.1.0/24", "10.1.1.0")]
    [InlineData("fd00:1::/64", "fd00:1::")]
    public void A_route_through_a_nexthop_is_read_with_the_nexthops_gateway_and_deleted_by_its_id(
        string destination, string gateway)
    {
        Rtnl.AddNexthop(new Nexthop(77, IpAddr.Parse(gateway), _link) { IsOnlink = true });
        Route route = new(IpPrefix.Parse(destination)) { NexthopId = 77, Protocol = Ours };

        Rtnl.ReplaceRoute(route);

        Assert.Equal(
            [route with { Gateway = IpAddr.Parse(gateway), OutInterface = _link, IsOnlink = true }],
            List(route.Destination.Is6));
        Assert.True(Rtnl.DeleteRouteIfPresent(route));
    }

    private Route Onlink(string destination, string gateway) => new(IpPrefix.Parse(destination))
    {
        Gateway = IpAddr.Parse(gateway),
        OutInterface = _link,
        IsOnlink = true,
        Protocol = Ours,
    };

    private List<Route> List(bool is6 = false) => Rtnl.ListRoutes(new RouteFilter(is6) { Protocol = Ours });
}

using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Bridging;

/// <summary>From IPAM's answer to addresses, routes and gateways.</summary>
public sealed class BridgePlanTests
{
    private static readonly BridgeConf s_defaultGateway = new() { IsGateway = true, IsDefaultGateway = true };

    [Fact]
    public void The_usual_pod_has_a_route_to_the_cluster_and_one_to_everywhere()
    {
        BridgePlan plan = BridgePlan.Derive(s_defaultGateway, Ipam(["10.1.17.2/24"], ["10.1.0.0/16"]));

        Assert.Equal([new CniIp(IpPrefix.Parse("10.1.17.2/24"), IpAddr.Parse("10.1.17.1"), 2)], plan.Ips);
        Assert.Equal(
            [
                new CniRoute(IpPrefix.Parse("10.1.0.0/16"), default),
                new CniRoute(IpPrefix.Parse("0.0.0.0/0"), IpAddr.Parse("10.1.17.1")),
            ],
            plan.Routes);
        Assert.Equal(
            [
                new Route(IpPrefix.Parse("10.1.0.0/16")) { Gateway = IpAddr.Parse("10.1.17.1") },
                new Route(IpPrefix.Parse("0.0.0.0/0")) { Gateway = IpAddr.Parse("10.1.17.1") },
            ],
            plan.PodRoutes);
        Assert.Equal([IpPrefix.Parse("10.1.17.1/24")], plan.Gateways);
        Assert.False(plan.HasIPv6);
    }

    [Fact]
    public void Each_family_has_one_default_route_however_many_addresses()
    {
        BridgePlan plan = BridgePlan.Derive(
            s_defaultGateway, Ipam(["fc00::2/64", "10.1.17.2/24", "fc00:1::2/64"], []));

        Assert.Equal(
            [
                new CniRoute(IpPrefix.Parse("::/0"), IpAddr.Parse("fc00::1")),
                new CniRoute(IpPrefix.Parse("0.0.0.0/0"), IpAddr.Parse("10.1.17.1")),
            ],
            plan.Routes);
        Assert.Equal(
            [IpPrefix.Parse("10.1.17.1/24"), IpPrefix.Parse("fc00::1/64"), IpPrefix.Parse("fc00:1::1/64")],
            plan.Gateways);
        Assert.True(plan.HasIPv6);
    }

    [Fact]
    public void A_users_default_route_through_a_gateway_is_the_familys()
    {
        CniRoute own = new(IpPrefix.Parse("0.0.0.0/0"), IpAddr.Parse("10.1.17.9"));

        BridgePlan plan = BridgePlan.Derive(
            s_defaultGateway, Ipam(["10.1.17.2/24"], []) with { Routes = [own] });

        Assert.Equal([own], plan.Routes);
    }

    [Fact]
    public void IPAMs_own_gateway_counts()
    {
        CniResult ipam = new()
        {
            Ips = [new(IpPrefix.Parse("10.1.17.2/24"), IpAddr.Parse("10.1.17.254"), null)],
        };

        BridgePlan plan = BridgePlan.Derive(new BridgeConf { IsGateway = true }, ipam);

        Assert.Equal([IpPrefix.Parse("10.1.17.254/24")], plan.Gateways);
        Assert.Empty(plan.Routes);
    }

    [Fact]
    public void Without_a_gateway_routes_are_on_the_link()
    {
        BridgePlan plan = BridgePlan.Derive(new BridgeConf(), Ipam(["10.1.17.2/24"], ["10.1.0.0/16"]));

        Assert.Equal([new Route(IpPrefix.Parse("10.1.0.0/16"))], plan.PodRoutes);
        Assert.Empty(plan.Gateways);
    }

    [Fact]
    public void What_a_route_says_of_itself_reaches_the_kernel()
    {
        CniRoute route = new(IpPrefix.Parse("10.9.8.7/16"), default)
        {
            Mtu = 1300,
            AdvertisedMss = 1200,
            Priority = 7,
            Table = 300,
            Scope = RouteScope.RT_SCOPE_LINK,
        };

        BridgePlan plan = BridgePlan.Derive(s_defaultGateway, Ipam(["10.1.17.2/24"], []) with { Routes = [route] });

        Assert.Equal(
            new Route(IpPrefix.Parse("10.9.0.0/16"))
            {
                Mtu = 1300,
                AdvertisedMss = 1200,
                Metric = 7,
                Table = 300,
                Scope = RouteScope.RT_SCOPE_LINK,
            },
            plan.PodRoutes[0]);
    }

    [Fact]
    public void No_address_is_an_error()
    {
        CniException e = Assert.Throws<CniException>(() => BridgePlan.Derive(s_defaultGateway, new CniResult()));

        Assert.Equal("IPAM plugin returned missing IP config", e.Message);
    }

    private static CniResult Ipam(string[] addresses, string[] routes) => new()
    {
        Ips = [.. addresses.Select(static address => new CniIp(IpPrefix.Parse(address), default, null))],
        Routes = [.. routes.Select(static route => new CniRoute(IpPrefix.Parse(route), default))],
    };
}

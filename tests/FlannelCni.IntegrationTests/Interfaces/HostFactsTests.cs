using FlannelCni.Agent.Interfaces;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Interfaces;

/// <summary>The choice over what this kernel says.</summary>
public sealed class HostFactsTests : IDisposable
{
    private static readonly InterfaceRequest s_v4 = new(EnableIPv4: true, EnableIPv6: false);
    private static readonly InterfaceRequest s_dual = new(EnableIPv4: true, EnableIPv6: true);

    private readonly TestNode _node = TestNode.Create();

    public HostFactsTests() => _node.Shell("""
        ip link set lo up
        ip link add eth0 type veth peer name far0
        ip link set eth0 up; ip link set far0 up
        for i in 1 2 3 4 5; do ip address add 172.16.30.1$i/24 dev eth0; done
        ip -6 address add fd00:30::11/64 dev eth0 nodad
        """);

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("172.16.30.13")]
    [InlineData("172.16.30.11")]
    public void An_interface_is_found_by_any_of_its_addresses(string address)
    {
        ExternalInterface chosen = Select(s_v4 with { Names = [address] });

        Assert.Equal(("eth0", address, address), (chosen.Name, chosen.Address.ToString(), chosen.PublicIP.ToString()));
    }

    [Fact]
    public void By_name_it_has_its_first_address()
    {
        Assert.Equal("172.16.30.11", Select(s_v4 with { Names = ["eth0"] }).Address.ToString());
    }

    [Theory]
    [InlineData(@"172\.16\.30\.14", "172.16.30.14")]
    [InlineData("^eth", "172.16.30.11")]
    public void By_regex_it_has_the_address_that_matched_else_its_first(string regex, string expected)
    {
        Assert.Equal(expected, Select(s_v4 with { Regexes = [regex] }).Address.ToString());
    }

    [Fact]
    public void A_public_address_is_apart_from_the_interface_s()
    {
        ExternalInterface chosen = Select(
            s_v4 with { Names = ["172.16.30.12"], PublicIP = IpAddr.Parse("203.0.113.7") });

        Assert.Equal(
            ("172.16.30.12", "203.0.113.7"), (chosen.Address.ToString(), chosen.PublicIP.ToString()));
    }

    [Fact]
    public void Can_reach_gives_the_source_of_the_route()
    {
        _node.Shell("ip route add 203.0.113.0/24 via 172.16.30.254 src 172.16.30.15");

        Assert.Equal(
            "172.16.30.15", Select(s_v4 with { CanReach = IpAddr.Parse("203.0.113.7") }).Address.ToString());
    }

    [Fact]
    public void Can_reach_works_by_IPv6_too()
    {
        ExternalInterface chosen = Select(s_dual with { CanReach = IpAddr.Parse("fd00:30::99") });

        Assert.Equal(("172.16.30.11", "fd00:30::11"), (chosen.Address.ToString(), chosen.AddressV6.ToString()));
    }

    [Fact]
    public void Can_reach_without_a_route_finds_nothing()
    {
        InterfaceRequest request = s_v4 with { CanReach = IpAddr.Parse("203.0.113.7") };

        Assert.False(InterfaceSelector.TrySelect(request, HostFacts.Read(_node.Rtnl, request.CanReach), out _, out _));
    }

    [Fact]
    public void Of_an_own_address_it_is_not_lo()
    {
        ExternalInterface chosen = Select(s_v4 with { CanReach = IpAddr.Parse("172.16.30.13") });

        Assert.Equal(("eth0", "172.16.30.13"), (chosen.Name, chosen.Address.ToString()));
    }

    [Fact]
    public void Dual_stack_by_IPv4_address_has_both()
    {
        ExternalInterface chosen = Select(s_dual with { Names = ["172.16.30.12"] });

        Assert.Equal(("172.16.30.12", "fd00:30::11"), (chosen.Address.ToString(), chosen.AddressV6.ToString()));
    }

    [Fact]
    public void The_default_routes_of_both_families_are_found()
    {
        _node.Shell("""
            ip link add eth1 type veth peer name far1
            ip link set eth1 mtu 1400 up; ip link set far1 up
            ip address add 10.9.0.2/24 dev eth1
            ip -6 address add fd00:9::2/64 dev eth1 nodad
            ip route add default via 172.16.30.254 metric 200
            ip route add default via 10.9.0.1 metric 100
            ip route add default via 172.16.30.253 table 100
            ip -6 route add default via fd00:9::1 metric 50
            """);

        ExternalInterface chosen = Select(s_dual);

        Assert.Equal(
            "eth1 (MTU 1400) with 10.9.0.2 and fd00:9::2: the default route goes through it", chosen.ToString());
    }

    [Fact]
    public void A_default_route_with_several_paths_is_refused_with_advice()
    {
        _node.Shell("ip route add default nexthop via 172.16.30.254 nexthop via 172.16.30.253");

        Assert.False(InterfaceSelector.TrySelect(s_v4, HostFacts.Read(_node.Rtnl, default), out _, out string? error));
        Assert.Contains("the default route has several paths", error, StringComparison.Ordinal);
        Assert.EndsWith("Name one with --iface=NAME or --iface=ADDRESS", error, StringComparison.Ordinal);
    }

    private ExternalInterface Select(InterfaceRequest request)
    {
        HostFacts facts = HostFacts.Read(_node.Rtnl, request.CanReach);
        bool isChosen = InterfaceSelector.TrySelect(request, facts, out ExternalInterface? chosen, out string? error);
        Assert.True(isChosen, error);
        return chosen!;
    }
}

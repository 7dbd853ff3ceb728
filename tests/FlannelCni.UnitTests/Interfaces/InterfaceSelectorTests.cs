using System.Collections.Immutable;
using FlannelCni.Agent.Interfaces;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.Interfaces;

public sealed class InterfaceSelectorTests
{
    private static readonly InterfaceRequest s_v4 = new(EnableIPv4: true, EnableIPv6: false);
    private static readonly InterfaceRequest s_v6 = new(EnableIPv4: false, EnableIPv6: true);
    private static readonly InterfaceRequest s_dual = new(EnableIPv4: true, EnableIPv6: true);

    // eth0 faces a NAT of the provider, eth1 the other nodes: a machine of Vagrant.
    private readonly HostFacts _facts = Facts(
        [Eth(1, "lo", 65536), Eth(2, "eth0"), Eth(3, "eth1", 9000), Eth(4, "flannel.1", 1450)],
        [
            At(1, "127.0.0.1/8"), At(2, "10.0.2.15/24"), At(3, "192.168.56.11/24"), At(4, "10.244.1.0/32"),
            At(1, "::1/128"), At(2, "fe80::2/64"), At(2, "fd00:2::15/64"), At(3, "fd00:56::11/64"),
        ],
        [Via("0.0.0.0/0", 2, metric: 100), Via("0.0.0.0/0", 3, metric: 200), Via("::/0", 2, metric: 1024)]);

    [Fact]
    public void The_default_route_of_the_lowest_metric_decides()
    {
        ExternalInterface chosen = Select(s_v4);

        Assert.Equal(("eth0", 2, 1500u), (chosen.Name, chosen.Index, chosen.Mtu));
        Assert.Equal("10.0.2.15", chosen.Address.ToString());
        Assert.Equal(chosen.Address, chosen.PublicIP);
        Assert.True(chosen.AddressV6.IsNone && chosen.PublicIPv6.IsNone);
        Assert.Equal("eth0 (MTU 1500) with 10.0.2.15: the default route goes through it", chosen.ToString());
    }

    [Theory]
    [InlineData("eth1", "192.168.56.11")]
    [InlineData("192.168.56.11", "192.168.56.11")]
    [InlineData("eth9 eth1", "192.168.56.11")]
    [InlineData("10.9.9.9 eth9 eth0", "10.0.2.15")]
    [InlineData("fd00:56::11", "192.168.56.11")]
    public void Iface_is_a_name_or_an_address_and_the_first_that_is_there_wins(string names, string expected)
    {
        Assert.Equal(expected, Select(s_v4 with { Names = [.. names.Split(' ')] }).Address.ToString());
    }

    [Fact]
    public void The_default_route_is_no_way_out_where_iface_finds_nothing()
    {
        string error = Fail(s_v4 with { Names = ["eth9", "10.9.9.9"] });

        Assert.Equal(
            "no external interface: --iface=eth9: there is no such interface; --iface 10.9.9.9: no interface has it. "
            + "Interfaces here: lo (127.0.0.1 ::1), eth0 (10.0.2.15 fe80::2 fd00:2::15), "
            + "eth1 (192.168.56.11 fd00:56::11), flannel.1 (10.244.1.0). Name one with --iface=NAME or --iface=ADDRESS",
            error);
    }

    [Fact]
    public void The_Node_s_internal_address_leads_to_its_interface_where_nobody_names_one()
    {
        ExternalInterface chosen = Select(s_v4 with { InternalIP = IpAddr.Parse("192.168.56.11") });

        Assert.Equal(("eth1", "192.168.56.11"), (chosen.Name, chosen.PublicIP.ToString()));
        Assert.Equal(
            "eth1 (MTU 9000) with 192.168.56.11: the Node's InternalIP 192.168.56.11 is on it", chosen.ToString());
    }

    [Fact]
    public void With_two_families_both_internal_addresses_count_where_one_interface_has_them()
    {
        InterfaceRequest request = s_dual with
        {
            InternalIP = IpAddr.Parse("192.168.56.11"),
            InternalIPv6 = IpAddr.Parse("fd00:56::11"),
        };

        ExternalInterface chosen = Select(request);
        ExternalInterface other = Select(request with { InternalIPv6 = IpAddr.Parse("fd00:2::15") });

        Assert.Equal(("eth1", "fd00:56::11"), (chosen.Name, chosen.AddressV6.ToString()));
        Assert.EndsWith(
            "InternalIP 192.168.56.11 and fd00:56::11 is on it", chosen.ToString(), StringComparison.Ordinal);
        Assert.Equal(("eth1", "fd00:56::11"), (other.Name, other.AddressV6.ToString()));
    }

    [Theory]
    [InlineData("192.0.2.77")]
    [InlineData("127.0.0.1")]
    public void An_internal_address_that_is_on_no_interface_or_on_lo_leaves_it_to_the_default_route(string address)
    {
        Assert.Equal("eth0", Select(s_v4 with { InternalIP = IpAddr.Parse(address) }).Name);
    }

    [Fact]
    public void Who_names_an_interface_or_a_public_address_of_one_is_heeded_before_the_internal_address()
    {
        InterfaceRequest request = s_v4 with { InternalIP = IpAddr.Parse("192.168.56.11") };

        Assert.Equal("eth0", Select(request with { Names = ["eth0"] }).Name);
        Assert.Equal("eth0", Select(request with { PublicIP = IpAddr.Parse("10.0.2.15") }).Name);
        Assert.Equal("eth1", Select(request with { PublicIP = IpAddr.Parse("203.0.113.7") }).Name);
    }

    [Fact]
    public void A_public_address_of_this_node_leads_to_its_interface()
    {
        ExternalInterface chosen = Select(s_v4 with { PublicIP = IpAddr.Parse("192.168.56.11") });

        Assert.Equal("eth1", chosen.Name);
        Assert.Equal("192.168.56.11", chosen.PublicIP.ToString());
    }

    [Fact]
    public void A_public_address_of_a_NAT_is_published_from_the_default_route_s_interface()
    {
        ExternalInterface chosen = Select(s_v4 with { PublicIP = IpAddr.Parse("203.0.113.7") });

        Assert.Equal(("eth0", "10.0.2.15"), (chosen.Name, chosen.Address.ToString()));
        Assert.Equal("203.0.113.7", chosen.PublicIP.ToString());
        Assert.Equal(
            "eth0 (MTU 1500) with 10.0.2.15, published as 203.0.113.7: the default route goes through it",
            chosen.ToString());
    }

    [Fact]
    public void A_public_address_with_iface_is_published_from_that_interface()
    {
        ExternalInterface chosen = Select(s_v4 with { Names = ["eth1"], PublicIP = IpAddr.Parse("203.0.113.7") });

        Assert.Equal(("eth1", "192.168.56.11"), (chosen.Name, chosen.Address.ToString()));
        Assert.Equal("203.0.113.7", chosen.PublicIP.ToString());
    }

    [Fact]
    public void A_public_address_of_the_interface_is_its_source_too()
    {
        HostFacts facts = _facts with { Addresses = _facts.Addresses.Add(At(3, "192.168.56.99/24")) };

        ExternalInterface chosen = Select(
            s_v4 with { Names = ["eth1"], PublicIP = IpAddr.Parse("192.168.56.99") }, facts);

        Assert.Equal("192.168.56.99", chosen.Address.ToString());
    }

    [Fact]
    public void A_public_IPv6_address_does_not_matter_where_IPv6_is_off()
    {
        ExternalInterface chosen = Select(s_v4 with { PublicIPv6 = IpAddr.Parse("fd00:56::11") });

        Assert.Equal("eth0", chosen.Name);
        Assert.True(chosen.PublicIPv6.IsNone);
    }

    [Fact]
    public void IPv6_alone_takes_the_IPv6_default_route()
    {
        ExternalInterface chosen = Select(s_v6);

        Assert.Equal(("eth0", "fd00:2::15"), (chosen.Name, chosen.AddressV6.ToString()));
        Assert.True(chosen.Address.IsNone && chosen.PublicIP.IsNone);
    }

    [Fact]
    public void Dual_stack_takes_both_addresses_of_one_interface()
    {
        ExternalInterface chosen = Select(s_dual);

        Assert.Equal(
            "eth0 (MTU 1500) with 10.0.2.15 and fd00:2::15: the default route goes through it", chosen.ToString());
    }

    [Fact]
    public void Dual_stack_with_default_routes_that_disagree_is_an_error()
    {
        HostFacts facts = _facts with { DefaultRoutes = [Via("0.0.0.0/0", 2), Via("::/0", 3)] };

        Assert.Contains(
            "the IPv4 default route goes through eth0, the IPv6 default route through eth1",
            Fail(s_dual, facts),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0/0")]
    [InlineData("::/0")]
    public void Dual_stack_is_content_with_the_default_route_of_one_family(string destination)
    {
        HostFacts facts = _facts with { DefaultRoutes = [Via(destination, 3)] };

        Assert.Equal("eth1", Select(s_dual, facts).Name);
    }

    [Theory]
    [InlineData("fd00:56::11", "eth1", "192.168.56.11", "fd00:56::11")]
    [InlineData("192.168.56.11", "eth1", "192.168.56.11", "fd00:56::11")]
    [InlineData("fe80::2", "eth0", "10.0.2.15", "fe80::2")]
    public void Dual_stack_finds_the_other_family_beside_the_address_given(
        string given, string name, string address, string addressV6)
    {
        ExternalInterface chosen = Select(s_dual with { Names = [given] });

        Assert.Equal((name, address), (chosen.Name, chosen.Address.ToString()));
        Assert.Equal(addressV6, chosen.AddressV6.ToString());
    }

    [Theory]
    [InlineData(@"^192\.168\.", "eth1", "192.168.56.11")]
    [InlineData("eth[1-9]", "eth1", "192.168.56.11")]
    [InlineData(@"56\.11$", "eth1", "192.168.56.11")]
    [InlineData(@"^10\.", "eth0", "10.0.2.15")]
    public void A_regex_finds_addresses_before_names(string regex, string name, string address)
    {
        ExternalInterface chosen = Select(s_v4 with { Regexes = [regex] });

        Assert.Equal((name, address), (chosen.Name, chosen.Address.ToString()));
    }

    [Fact]
    public void A_regex_does_not_find_flannel_s_own_device()
    {
        Assert.Contains(
            @"--iface-regex=10\.244: it matches no interface",
            Fail(s_v4 with { Regexes = [@"10\.244"] }),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("56", "eth1", "fd00:56::11")]
    [InlineData(@"^192\.168", "eth1", "fd00:56::11")]
    [InlineData("^fd00:56", "eth1", "fd00:56::11")]
    [InlineData("eth", "eth0", "fd00:2::15")]
    public void In_dual_stack_a_regex_may_match_one_family_and_takes_the_other_beside_it(
        string regex, string name, string addressV6)
    {
        ExternalInterface chosen = Select(s_dual with { Regexes = [regex] });

        Assert.Equal((name, addressV6), (chosen.Name, chosen.AddressV6.ToString()));
    }

    [Fact]
    public void A_bad_regex_is_an_error_that_names_it_and_the_next_one_is_tried()
    {
        Assert.Contains("--iface-regex=eth(: ", Fail(s_v4 with { Regexes = ["eth("] }), StringComparison.Ordinal);
        Assert.Equal("eth1", Select(s_v4 with { Regexes = ["eth(", "eth1"] }).Name);
    }

    [Fact]
    public void Can_reach_takes_the_kernel_s_way_and_its_source()
    {
        HostFacts facts = _facts with
        {
            PathToReach = new Route(IpPrefix.Parse("192.168.56.1/32"))
            {
                OutInterface = 3,
                PreferredSource = IpAddr.Parse("192.168.56.11"),
            },
        };

        ExternalInterface chosen = Select(s_v4 with { CanReach = IpAddr.Parse("192.168.56.1") }, facts);

        Assert.Equal(("eth1", "192.168.56.11"), (chosen.Name, chosen.Address.ToString()));
    }

    [Fact]
    public void Can_reach_by_IPv6_gives_the_IPv6_address()
    {
        HostFacts facts = _facts with
        {
            PathToReach = new Route(IpPrefix.Parse("fd00:56::1/128"))
            {
                OutInterface = 3,
                PreferredSource = IpAddr.Parse("fd00:56::11"),
            },
        };

        ExternalInterface chosen = Select(s_dual with { CanReach = IpAddr.Parse("fd00:56::1") }, facts);

        Assert.Equal(("192.168.56.11", "fd00:56::11"), (chosen.Address.ToString(), chosen.AddressV6.ToString()));
    }

    [Fact]
    public void Can_reach_of_an_own_address_is_not_lo()
    {
        HostFacts facts = _facts with
        {
            PathToReach = new Route(IpPrefix.Parse("192.168.56.11/32"))
            {
                OutInterface = 1,
                PreferredSource = IpAddr.Parse("192.168.56.11"),
            },
        };

        Assert.Equal("eth1", Select(s_v4 with { CanReach = IpAddr.Parse("192.168.56.11") }, facts).Name);
    }

    [Fact]
    public void Can_reach_without_a_route_is_an_error()
    {
        Assert.Contains(
            "--iface-can-reach=8.8.8.8: the kernel has no route to it",
            Fail(s_v4 with { CanReach = IpAddr.Parse("8.8.8.8") }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_default_route_the_error_says_so()
    {
        Assert.StartsWith(
            "no external interface: there is no default route. Interfaces here: lo",
            Fail(s_v4, _facts with { DefaultRoutes = [] }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_default_route_with_several_paths_is_an_error()
    {
        HostFacts facts = _facts with { DefaultRoutes = [Via("0.0.0.0/0", 0) with { IsMultipath = true }] };

        Assert.Contains("the default route has several paths", Fail(s_v4, facts), StringComparison.Ordinal);
    }

    [Fact]
    public void An_interface_without_an_address_of_the_family_is_an_error()
    {
        HostFacts facts = _facts with { Addresses = [At(2, "fd00:2::15/64")] };

        Assert.Contains("eth0 has no usable IPv4 address", Fail(s_v4, facts), StringComparison.Ordinal);
    }

    [Fact]
    public void An_MTU_of_zero_is_an_error()
    {
        HostFacts facts = _facts with { Links = [Eth(2, "eth0", 0)] };

        Assert.Contains("eth0 has MTU 0", Fail(s_v4, facts), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("169.254.7.7 10.0.0.5", "10.0.0.5")]
    [InlineData("10.0.0.5 10.0.0.6", "10.0.0.5")]
    [InlineData("10.0.0.5:secondary 10.0.0.6", "10.0.0.6")]
    [InlineData("10.0.0.5:leased 10.0.0.6", "10.0.0.6")]
    [InlineData("10.0.0.5:deprecated 169.254.7.7", "169.254.7.7")]
    [InlineData("127.0.0.1 169.254.7.7", "169.254.7.7")]
    [InlineData("fe80::1 fd00::1", "fd00::1")]
    [InlineData("2001:db8::a:secondary,leased 2001:db8::b:leased", "2001:db8::b")]
    [InlineData("fd00::1:dadfailed fe80::1", "fe80::1")]
    [InlineData("fd00::1:tentative fd00::2", "fd00::2")]
    [InlineData("fd00::1:tentative fe80::2", "fd00::1")]
    public void Of_several_addresses_the_best_is_taken(string addresses, string expected)
    {
        bool is6 = expected.Contains(':', StringComparison.Ordinal);
        HostFacts facts = Facts(
            [Eth(2, "eth0")],
            [.. addresses.Split(' ').Select(Flagged)],
            [Via(is6 ? "::/0" : "0.0.0.0/0", 2)]);

        ExternalInterface chosen = Select(is6 ? s_v6 : s_v4, facts);

        Assert.Equal(expected, (is6 ? chosen.AddressV6 : chosen.Address).ToString());
    }

    private ExternalInterface Select(InterfaceRequest request, HostFacts? facts = null)
    {
        bool isChosen = InterfaceSelector.TrySelect(
            request, facts ?? _facts, out ExternalInterface? chosen, out string? error);
        Assert.True(isChosen, error);
        return chosen!;
    }

    private string Fail(InterfaceRequest request, HostFacts? facts = null)
    {
        Assert.False(InterfaceSelector.TrySelect(request, facts ?? _facts, out _, out string? error));
        return error;
    }

    private static HostFacts Facts(
        ImmutableArray<Link> links, ImmutableArray<LinkAddress> addresses, ImmutableArray<Route> routes) =>
        new(links, addresses, routes, null);

    private static Link Eth(int index, string name, uint mtu = 1500) => new()
    {
        Index = index,
        Name = name,
        Mtu = mtu,
        Flags = name == "lo" ? LinkFlags.IFF_LOOPBACK : default,
    };

    private static LinkAddress At(int index, string prefix) =>
        new(index, IpPrefix.Parse(prefix)) { Flags = AddressFlags.IFA_F_PERMANENT };

    private static Route Via(string destination, int index, uint metric = 0) =>
        new(IpPrefix.Parse(destination)) { OutInterface = index, Metric = metric };

    // "10.0.0.5:secondary,leased"
    private static LinkAddress Flagged(string text)
    {
        int colon = text.LastIndexOf(':');
        string[] words = colon >= 0 && text[(colon + 1)..].Any(c => c > 'f') ? text[(colon + 1)..].Split(',') : [];
        AddressFlags flags = words.Contains("leased") ? AddressFlags.None : AddressFlags.IFA_F_PERMANENT;
        foreach (string word in words)
        {
            flags |= word switch
            {
                "secondary" => AddressFlags.IFA_F_SECONDARY,
                "deprecated" => AddressFlags.IFA_F_DEPRECATED,
                "dadfailed" => AddressFlags.IFA_F_DADFAILED,
                "tentative" => AddressFlags.IFA_F_TENTATIVE,
                _ => AddressFlags.None,
            };
        }

        IpAddr address = IpAddr.Parse(words.Length == 0 ? text : text[..colon]);
        return new LinkAddress(2, IpPrefix.Host(address)) { Flags = flags };
    }
}

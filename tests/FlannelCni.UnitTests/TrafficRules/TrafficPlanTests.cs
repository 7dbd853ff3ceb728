using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Contract;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.TrafficRules;

public sealed class TrafficPlanTests
{
    private static readonly TrafficSettings s_settings = new()
    {
        SubnetFile = FlannelPaths.SubnetFile,
        Network = IpPrefix.Parse("10.244.0.0/16"),
        IPv6Network = IpPrefix.Parse("fc00::/48"),
        Masquerades = true,
        AcceptsForwarded = true,
    };

    private static readonly SubnetPair s_own = new(IpPrefix.Parse("10.244.4.0/24"), IpPrefix.Parse("fc00:0:0:4::/64"));

    [Fact]
    public void IPv4_rules_of_iptables_are_upstreams()
    {
        Assert.Equal(
            """
            -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
            -s 10.244.4.0/24 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j RETURN
            -s 10.244.0.0/16 -d 10.244.4.0/24 -m comment --comment "flanneld masq" -j RETURN
            ! -s 10.244.0.0/16 -d 10.244.4.0/24 -m comment --comment "flanneld masq" -j RETURN
            -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
            ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
            -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
            -d 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
            """,
            Iptables(TrafficPlan.ForIptables(s_settings, s_own, [])[0]));
    }

    [Fact]
    public void IPv6_rules_of_iptables_are_upstreams()
    {
        Assert.Equal(
            """
            -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
            -s fc00:0:0:4::/64 -d fc00::/48 -m comment --comment "flanneld masq" -j RETURN
            -s fc00::/48 -d fc00:0:0:4::/64 -m comment --comment "flanneld masq" -j RETURN
            ! -s fc00::/48 -d fc00:0:0:4::/64 -m comment --comment "flanneld masq" -j RETURN
            -s fc00::/48 ! -d ff00::/8 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
            ! -s fc00::/48 -d fc00::/48 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
            -s fc00::/48 -m comment --comment "flanneld forward" -j ACCEPT
            -d fc00::/48 -m comment --comment "flanneld forward" -j ACCEPT
            """,
            Iptables(TrafficPlan.ForIptables(s_settings, s_own, [])[1]));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Fully_random_ports_need_both_the_option_and_a_program_that_knows_them(bool option, bool program)
    {
        FamilyRules rules = TrafficPlan.ForIptables(s_settings with { IsFullyRandom = option }, s_own, [])[0];

        Assert.DoesNotContain("--random-fully", Iptables(rules, program));
    }

    [Fact]
    public void A_family_is_there_when_its_network_is()
    {
        ImmutableArray<FamilyRules> only4 =
            TrafficPlan.ForNftables(s_settings with { IPv6Network = default }, s_own, []);
        ImmutableArray<FamilyRules> only6 = TrafficPlan.ForNftables(s_settings with { Network = default }, s_own, []);

        Assert.Equal([false], only4.Select(family => family.Is6));
        Assert.Equal([true], only6.Select(family => family.Is6));
    }

    [Theory]
    [InlineData(true, true, "MasqueradeToPods,Masquerade,Forward")]
    [InlineData(true, false, "MasqueradeToPods,Masquerade")]
    [InlineData(false, true, "Forward")]
    [InlineData(false, false, "")]
    public void What_is_not_asked_for_has_no_chain(bool masquerade, bool forward, string roles)
    {
        FamilyRules rules = TrafficPlan.ForNftables(
            s_settings with { Masquerades = masquerade, AcceptsForwarded = forward }, s_own, [])[0];

        Assert.Equal(roles, string.Join(',', rules.Chains.Select(chain => chain.Role)));
    }

    [Fact]
    public void Without_a_subnet_nothing_is_masqueraded()
    {
        FamilyRules rules = TrafficPlan.ForIptables(s_settings, default, [])[0];

        Assert.Equal([ChainRole.Forward], rules.Chains.Select(chain => chain.Role));
    }

    [Fact]
    public void Excluded_destinations_are_taken_by_their_own_family_only()
    {
        ImmutableArray<IpPrefix> excluded = [IpPrefix.Parse("172.16.0.0/12"), IpPrefix.Parse("2001:db8::1/128")];

        ImmutableArray<FamilyRules> rules = TrafficPlan.ForIptables(s_settings, s_own, excluded);

        Assert.Contains("-s 10.244.0.0/16 -d 172.16.0.0/12 -m comment", Iptables(rules[0]));
        Assert.DoesNotContain("2001:db8", Iptables(rules[0]));
        Assert.Contains("-s fc00::/48 -d 2001:db8::1/128 -m comment", Iptables(rules[1]));
        Assert.DoesNotContain("172.16", Iptables(rules[1]));
    }

    [Fact]
    public void Names_are_upstreams_for_the_usual_subnet_file()
    {
        TrafficNames names = new("/run/flannel/subnet.env");

        Assert.Equal("flannel-ipv4", names.Table(is6: false));
        Assert.Equal("flannel-ipv6", names.Table(is6: true));
        Assert.Equal("FLANNEL-POSTRTG", names.PostroutingChain);
        Assert.Equal("FLANNEL-FWD", names.ForwardChain);
    }

    [Fact]
    public void Names_of_another_subnet_file_are_its_own_and_short_enough()
    {
        TrafficNames one = new("/run/flannel/one.env");
        TrafficNames two = new("/run/flannel/two.env");

        Assert.Equal("flannel-ipv4-4c4b92ee", one.Table(is6: false));
        Assert.NotEqual(one.PostroutingChain, two.PostroutingChain);
        Assert.InRange(one.PostroutingChain.Length, 1, 28);
    }

    private static string Iptables(FamilyRules rules, bool supportsFullyRandom = true) => string.Join(
        '\n',
        rules.Chains.SelectMany(chain => chain.Rules.Select(rule => IptablesRules.Rule(
            rule, chain.Role == ChainRole.Forward ? "flanneld forward" : "flanneld masq", supportsFullyRandom))));
}

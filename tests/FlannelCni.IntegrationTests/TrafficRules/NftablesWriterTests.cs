using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Nftables;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

public sealed class NftablesWriterTests : IDisposable
{
    // The texts of upstream's end-to-end tests, with this node's subnets.
    private const string Postrtg = """
        table ip flannel-ipv4 {
        	chain postrtg {
        		comment "chain to manage traffic masquerading by flannel"
        		type nat hook postrouting priority srcnat; policy accept;
        		meta mark 0x00004000 return
        		ip saddr 10.42.1.0/24 ip daddr 10.42.0.0/16 return
        		ip saddr 10.42.0.0/16 ip daddr 10.42.1.0/24 return
        		ip saddr != 10.42.1.0/24 ip daddr 10.42.0.0/16 return
        		ip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
        		ip saddr != 10.42.0.0/16 ip daddr 10.42.0.0/16 masquerade fully-random
        	}
        }

        """;

    private const string Postrtg6 = """
        table ip6 flannel-ipv6 {
        	chain postrtg {
        		comment "chain to manage traffic masquerading by flannel"
        		type nat hook postrouting priority srcnat; policy accept;
        		meta mark 0x00004000 return
        		ip6 saddr 2001:cafe:42:1::/64 ip6 daddr 2001:cafe:42::/56 return
        		ip6 saddr 2001:cafe:42::/56 ip6 daddr 2001:cafe:42:1::/64 return
        		ip6 saddr != 2001:cafe:42:1::/64 ip6 daddr 2001:cafe:42::/56 return
        		ip6 saddr 2001:cafe:42::/56 ip6 daddr != ff00::/8 masquerade fully-random
        		ip6 saddr != 2001:cafe:42::/56 ip6 daddr 2001:cafe:42::/56 masquerade fully-random
        	}
        }

        """;

    private const string Forward = """
        table ip flannel-ipv4 {
        	chain forward {
        		comment "chain to accept flannel traffic"
        		type filter hook forward priority filter; policy accept;
        		ip saddr 10.42.0.0/16 accept
        		ip daddr 10.42.0.0/16 accept
        	}
        }

        """;

    private const string Forward6 = """
        table ip6 flannel-ipv6 {
        	chain forward {
        		comment "chain to accept flannel traffic"
        		type filter hook forward priority filter; policy accept;
        		ip6 saddr 2001:cafe:42::/56 accept
        		ip6 daddr 2001:cafe:42::/56 accept
        	}
        }

        """;

    private const string ToPods = """
        table ip flannel-ipv4 {
        	chain postrtg-to-pods {
        		comment "chain to masquerade traffic from elsewhere to pods of other nodes"
        		type nat hook postrouting priority srcnat - 1; policy accept;
        		meta mark & 0x00004000 == 0x00004000 return
        		ip daddr 10.42.1.0/24 return
        		ip saddr != 10.42.0.0/16 ip daddr 10.42.0.0/16 masquerade fully-random
        	}
        }

        """;

    private readonly TestNode _node = TestNode.Create();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Nft_lists_the_rules_as_upstreams_tests_want_them()
    {
        using NftablesWriter writer = Open(Samples.Settings);

        RulesChange change = await EnsureAsync(writer);

        Assert.Equal(new RulesChange(true, true), change);
        Assert.Equal(Postrtg, _node.Shell("nft list chain ip flannel-ipv4 postrtg"));
        Assert.Equal(Postrtg6, _node.Shell("nft list chain ip6 flannel-ipv6 postrtg"));
        Assert.Equal(Forward, _node.Shell("nft list chain ip flannel-ipv4 forward"));
        Assert.Equal(Forward6, _node.Shell("nft list chain ip6 flannel-ipv6 forward"));
        Assert.Equal(ToPods, _node.Shell("nft list chain ip flannel-ipv4 postrtg-to-pods"));
        Assert.Contains("comment \"rules for flannel-ipv4\"", _node.Shell("nft list table ip flannel-ipv4"));
    }

    [Fact]
    public async Task What_stands_is_not_written_again()
    {
        using NftablesWriter writer = Open(Samples.Settings);
        await EnsureAsync(writer);
        string before = _node.Shell("nft -a list ruleset");

        RulesChange change = await EnsureAsync(writer);

        Assert.False(change.IsAny);
        Assert.Equal(before, _node.Shell("nft -a list ruleset"));
    }

    [Theory]
    [InlineData("flush ruleset", true, true)]
    [InlineData("delete table ip flannel-ipv4", true, true)]
    [InlineData("flush chain ip6 flannel-ipv6 postrtg", true, false)]
    [InlineData("flush chain ip flannel-ipv4 forward", false, true)]
    [InlineData("flush chain ip flannel-ipv4 forward; delete chain ip flannel-ipv4 forward", false, true)]
    [InlineData("insert rule ip flannel-ipv4 postrtg ip daddr 192.0.2.9 return", true, false)]
    [InlineData("add rule ip flannel-ipv4 postrtg counter", true, false)]
    [InlineData("add rule ip flannel-ipv4 postrtg ip protocol tcp masquerade to :1000-2000", true, false)]
    [InlineData("chain ip flannel-ipv4 forward { policy drop; }", false, true)]
    [InlineData("table ip flannel-ipv4 { flags dormant; }", true, true)]
    [InlineData(
        "delete chain ip flannel-ipv4 forward; "
        + "add chain ip flannel-ipv4 forward { type filter hook input priority 5; }",
        false,
        true)]
    [InlineData("delete chain ip flannel-ipv4 forward; add chain ip flannel-ipv4 forward", false, true)]
    public async Task What_somebody_changed_is_put_right(string damage, bool masquerade, bool forward)
    {
        using NftablesWriter writer = Open(Samples.Settings);
        await EnsureAsync(writer);
        string before = _node.Shell("nft -s list ruleset");
        _node.Shell("nft -f -", damage);

        RulesChange change = await EnsureAsync(writer);

        Assert.Equal(new RulesChange(masquerade, forward), change);
        Assert.Equal(Sorted(before), Sorted(_node.Shell("nft -s list ruleset")));
    }

    [Fact]
    public async Task Foreign_tables_and_chains_are_left_alone()
    {
        const string foreign = """
            table inet filter {
              chain forward { type filter hook forward priority filter; policy drop; ip saddr 10.42.0.0/16 accept; }
            }
            table ip flannel-ipv4-other {
              chain postrtg {
                type nat hook postrouting priority srcnat
                masquerade
              }
            }
            table inet flannel-ipv4 { chain postrtg { }; }

            """;
        _node.Shell("nft -f -", foreign);
        string before = _node.Shell("nft -a list ruleset");
        using NftablesWriter writer = Open(Samples.Settings);

        await EnsureAsync(writer);
        await EnsureAsync(Open(Samples.Settings with { Masquerades = false, AcceptsForwarded = false }));

        Assert.Equal(before, _node.Shell("nft -a list ruleset"));
    }

    [Fact]
    public async Task Two_agents_with_different_subnet_files_keep_out_of_each_others_way()
    {
        using NftablesWriter first = Open(Samples.Settings);
        using NftablesWriter second = Open(Samples.Settings with
        {
            SubnetFile = "/run/flannel/hostgw.env",
            Network = IpPrefix.Parse("10.43.0.0/16"),
            IPv6Network = default,
        });
        await EnsureAsync(first);
        await second.EnsureAsync(new SubnetPair(IpPrefix.Parse("10.43.1.0/24"), default), [], CancellationToken.None);

        RulesChange change = await EnsureAsync(first);

        Assert.False(change.IsAny);
        Assert.Equal(Postrtg, _node.Shell("nft list chain ip flannel-ipv4 postrtg"));
        Assert.Equal(3, _node.Shell("nft list tables").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task A_new_subnet_replaces_the_old_rules()
    {
        using NftablesWriter writer = Open(Samples.Settings with { IPv6Network = default, IsFullyRandom = false });
        await EnsureAsync(writer);

        await writer.EnsureAsync(new SubnetPair(IpPrefix.Parse("10.42.9.128/25"), default), [], CancellationToken.None);

        string expected = Postrtg.Replace("10.42.1.0/24", "10.42.9.128/25").Replace(" fully-random", "");
        Assert.Equal(expected, _node.Shell("nft list chain ip flannel-ipv4 postrtg"));
        Assert.DoesNotContain("flannel-ipv6", _node.Shell("nft list tables"));
    }

    [Fact]
    public async Task What_is_not_asked_for_is_removed()
    {
        await EnsureAsync(Open(Samples.Settings));

        await EnsureAsync(Open(Samples.Settings with { Masquerades = false, IPv6Network = default }));

        Assert.DoesNotContain("postrtg", _node.Shell("nft list ruleset"));
        Assert.Equal(Forward, _node.Shell("nft list chain ip flannel-ipv4 forward"));
        Assert.DoesNotContain("ip6", _node.Shell("nft list tables"));
    }

    [Fact]
    public async Task Excluded_destinations_come_before_masquerading()
    {
        using NftablesWriter writer = Open(Samples.Settings);
        ImmutableArray<IpPrefix> excluded =
            [IpPrefix.Parse("192.0.2.7/32"), IpPrefix.Parse("172.16.0.0/12"), IpPrefix.Parse("2001:db8::/32")];

        await writer.EnsureAsync(Samples.Own, excluded, CancellationToken.None);

        Assert.Equal(
            Postrtg.Replace(
                "\t\tip saddr 10.42.0.0/16 ip daddr != 224",
                "\t\tip saddr 10.42.0.0/16 ip daddr 192.0.2.7 return\n"
                + "\t\tip saddr 10.42.0.0/16 ip daddr 172.16.0.0/12 return\n"
                + "\t\tip saddr 10.42.0.0/16 ip daddr != 224"),
            _node.Shell("nft list chain ip flannel-ipv4 postrtg"));
        Assert.Contains(
            "ip6 saddr 2001:cafe:42::/56 ip6 daddr 2001:db8::/32 return",
            _node.Shell("nft list chain ip6 flannel-ipv6 postrtg"));
    }

    [Fact]
    public async Task A_thousand_exclusions_are_still_one_transaction()
    {
        using NftablesWriter writer = Open(Samples.Settings);
        ImmutableArray<IpPrefix> nodes =
            [.. Enumerable.Range(0, 3000).Select(i => IpPrefix.Host(IpAddr.Parse("172.16.0.0").Add((UInt128)i)))];

        RulesChange first = await writer.EnsureAsync(Samples.Own, nodes, CancellationToken.None);
        RulesChange second = await writer.EnsureAsync(Samples.Own, nodes, CancellationToken.None);

        Assert.True(first.IsAny);
        Assert.False(second.IsAny);
        Assert.Equal(3006, _node.Shell("nft -n list chain ip flannel-ipv4 postrtg").Split('\n').Count(line =>
            line.Contains("return") || line.Contains("masquerade f")));
    }

    [Fact]
    public async Task A_chain_that_cannot_be_replaced_is_named()
    {
        // A base chain cannot take the name of one that is jumped to.
        _node.Shell(
            "nft -f -",
            """
            table ip flannel-ipv4 {
              chain forward { }
              chain other { jump forward; }
            }

            """);
        string before = _node.Shell("nft -a list ruleset");
        using NftablesWriter writer = Open(Samples.Settings);

        NetlinkException e = await Assert.ThrowsAsync<NetlinkException>(() => EnsureAsync(writer));

        Assert.Equal(Errno.EBUSY, e.Errno);
        Assert.StartsWith("delete chain ip flannel-ipv4 forward", e.Message);
        Assert.Equal(before, _node.Shell("nft -a list ruleset"));
    }

    [Fact]
    public async Task A_change_by_somebody_else_is_noticed_and_the_own_is_not()
    {
        using NftablesWriter writer = Open(Samples.Settings);
        using CancellationTokenSource stop = new();
        int changes = 0;
        Task watch = writer.WatchAsync(() => Interlocked.Increment(ref changes), stop.Token);
        await EnsureAsync(writer);
        _node.Shell("nft add table ip foreign; nft add chain ip foreign postrtg");

        Assert.Equal(0, changes);
        _node.Shell("nft flush ruleset");

        await Wait.Until(() => changes > 0, TimeSpan.FromSeconds(5), "the flush is noticed");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
    }

    private static Task<RulesChange> EnsureAsync(NftablesWriter writer) =>
        writer.EnsureAsync(Samples.Own, [], CancellationToken.None);

    /// <summary>Of a table made anew the chains stand in another order, and so do tables.</summary>
    private static string Sorted(string ruleset) => string.Join('\n', ruleset.Split('\n').Order());

    private NftablesWriter Open(TrafficSettings settings) => _node.Namespace.Run(() => new NftablesWriter(settings));
}

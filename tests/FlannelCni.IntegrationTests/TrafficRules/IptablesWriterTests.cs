using System.Collections.Immutable;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

public sealed class IptablesWriterTests : IDisposable
{
    // The texts of upstream's end-to-end tests, with this node's subnets.
    private const string Masq = "-m comment --comment \"flanneld masq\"";

    private const string Postrtg = $"""
        -N FLANNEL-POSTRTG
        -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 {Masq} -j RETURN
        -A FLANNEL-POSTRTG -s 10.42.1.0/24 -d 10.42.0.0/16 {Masq} -j RETURN
        -A FLANNEL-POSTRTG -s 10.42.0.0/16 -d 10.42.1.0/24 {Masq} -j RETURN
        -A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.1.0/24 {Masq} -j RETURN
        -A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224.0.0.0/4 {Masq} -j MASQUERADE --random-fully
        -A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.0.0/16 {Masq} -j MASQUERADE --random-fully

        """;

    private const string Forward = """
        -N FLANNEL-FWD
        -A FLANNEL-FWD -s 10.42.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
        -A FLANNEL-FWD -d 10.42.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT

        """;

    private const string PostroutingJump = $"-A POSTROUTING {Masq} -j FLANNEL-POSTRTG\n";

    private const string ForwardJump = "-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD\n";

    private readonly TestNode _node = TestNode.Create();
    private readonly TestFolder _folder = new();
    private readonly NodePrograms _programs;

    public IptablesWriterTests() => _programs = new NodePrograms(_node, _folder);

    public static TheoryData<string, string, bool, bool> Damages()
    {
        TheoryData<string, string, bool, bool> damages = [];
        foreach (string variant in (string[])["nft", "legacy"])
        {
            damages.Add(variant, "-t nat -F FLANNEL-POSTRTG", true, false);
            damages.Add(variant, "-t nat -F", true, false);
            damages.Add(variant, $"-t nat -D POSTROUTING {Masq} -j FLANNEL-POSTRTG", true, false);
            damages.Add(variant, $"-t nat -A POSTROUTING {Masq} -j FLANNEL-POSTRTG", true, false);
            damages.Add(variant, "-t nat -I POSTROUTING -j FLANNEL-POSTRTG", true, false);
            damages.Add(variant, "-t nat -I FLANNEL-POSTRTG -j ACCEPT", true, false);
            damages.Add(variant, "-t nat -D FLANNEL-POSTRTG 3", true, false);
            damages.Add(variant, "-t filter -D FLANNEL-FWD 1", false, true);
            damages.Add(variant, "-F FORWARD", false, true);
        }

        return damages;
    }

    public void Dispose()
    {
        _node.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Iptables_lists_the_rules_as_upstreams_tests_want_them(string variant)
    {
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings);

        RulesChange change = await EnsureAsync(writer);

        Assert.Equal(new RulesChange(true, true), change);
        Assert.Equal(Postrtg, Iptables(variant, "-t nat -S FLANNEL-POSTRTG"));
        Assert.Equal($"-P POSTROUTING ACCEPT\n{PostroutingJump}", Iptables(variant, "-t nat -S POSTROUTING"));
        Assert.Equal(Forward, Iptables(variant, "-S FLANNEL-FWD"));
        Assert.Equal($"-P FORWARD ACCEPT\n{ForwardJump}", Iptables(variant, "-S FORWARD"));
        string postrtg6 = Postrtg.Replace("10.42.1.0/24", "2001:cafe:42:1::/64")
            .Replace("10.42.0.0/16", "2001:cafe:42::/56")
            .Replace("224.0.0.0/4", "ff00::/8");
        Assert.Equal(postrtg6, Ip6tables(variant, "-t nat -S FLANNEL-POSTRTG"));
        Assert.Equal(Forward.Replace("10.42.0.0/16", "2001:cafe:42::/56"), Ip6tables(variant, "-S FLANNEL-FWD"));
    }

    [Theory]
    [InlineData("nft", 0)]
    [InlineData("legacy", 2)]
    public async Task A_look_at_what_stands_costs_one_listing_a_family_at_the_most(string variant, int listings)
    {
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings);
        await EnsureAsync(writer);
        await EnsureAsync(writer);
        string before = Save(variant);
        _programs.Runs.Clear();

        RulesChange change = await EnsureAsync(writer);

        Assert.False(change.IsAny);
        Assert.Equal(listings, _programs.Runs.Count);
        Assert.All(_programs.Runs, run => Assert.EndsWith("-save", run));
        Assert.Equal(before, Save(variant));
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task What_somebody_changed_is_put_right(string variant, string damage, bool masquerade, bool forward)
    {
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings with { IPv6Network = default });
        await EnsureAsync(writer);
        await EnsureAsync(writer);
        string before = Save(variant);
        Iptables(variant, damage);

        RulesChange change = await EnsureAsync(writer);

        Assert.Equal(new RulesChange(masquerade, forward), change);
        Assert.Equal(before, Save(variant));
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Foreign_rules_stay_where_they_are(string variant)
    {
        const string foreign = """
            *nat
            :KUBE-POSTROUTING - [0:0]
            -A POSTROUTING -m comment --comment "kubernetes \"postrouting\" rules" -j KUBE-POSTROUTING
            -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
            -A KUBE-POSTROUTING -m comment --comment "mentions flanneld masq and FLANNEL-POSTRTG" -j RETURN
            COMMIT
            *filter
            :KUBE-FORWARD - [0:0]
            -A FORWARD -j KUBE-FORWARD
            -A FORWARD -m comment --comment "not FLANNEL-FWD" -j REJECT
            COMMIT

            """;
        _node.Shell($"iptables-{variant}-restore", foreign);
        string before = Save(variant);
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings with { IPv6Network = default });

        await EnsureAsync(writer);
        Assert.EndsWith(ForwardJump, Iptables(variant, "-S FORWARD"));
        Assert.EndsWith(PostroutingJump, Iptables(variant, "-t nat -S POSTROUTING"));
        Iptables(variant, "-A FORWARD -d 198.51.100.1 -j DROP");
        Iptables(variant, "-t nat -F FLANNEL-POSTRTG");
        await EnsureAsync(writer);

        Assert.EndsWith($"{ForwardJump}-A FORWARD -d 198.51.100.1/32 -j DROP\n", Iptables(variant, "-S FORWARD"));
        Iptables(variant, "-D FORWARD -d 198.51.100.1 -j DROP");
        await EnsureAsync(
            await OpenAsync(variant, Samples.Settings with { Masquerades = false, AcceptsForwarded = false }));
        Assert.Equal(before, Save(variant));
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Rules_of_flannel_before_it_had_chains_are_replaced(string variant)
    {
        Iptables(variant, $"-t nat -A POSTROUTING -s 10.42.0.0/16 ! -d 224.0.0.0/4 {Masq} -j MASQUERADE");
        Iptables(variant, "-A FORWARD -s 10.42.0.0/16 -m comment --comment 'flanneld forward' -j ACCEPT");
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings with { IPv6Network = default });

        await EnsureAsync(writer);

        Assert.Equal($"-P POSTROUTING ACCEPT\n{PostroutingJump}", Iptables(variant, "-t nat -S POSTROUTING"));
        Assert.Equal($"-P FORWARD ACCEPT\n{ForwardJump}", Iptables(variant, "-S FORWARD"));
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Excluded_destinations_come_before_masquerading(string variant)
    {
        using IptablesWriter writer = await OpenAsync(variant, Samples.Settings with { IPv6Network = default });
        ImmutableArray<IpPrefix> excluded = [IpPrefix.Parse("192.0.2.7/32"), IpPrefix.Parse("2001:db8::/32")];

        await writer.EnsureAsync(Samples.Own, excluded, CancellationToken.None);
        RulesChange second = await writer.EnsureAsync(Samples.Own, excluded, CancellationToken.None);

        Assert.False(second.IsAny);
        Assert.Contains(
            "-A FLANNEL-POSTRTG -s 10.42.0.0/16 -d 192.0.2.7/32 -m comment --comment \"flanneld masq\" -j RETURN\n"
            + "-A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224",
            Iptables(variant, "-t nat -S FLANNEL-POSTRTG"));
    }

    [Fact]
    public async Task Two_agents_with_different_subnet_files_keep_out_of_each_others_way()
    {
        using IptablesWriter first = await OpenAsync("nft", Samples.Settings);
        using IptablesWriter second =
            await OpenAsync("nft", Samples.Settings with { SubnetFile = "/run/flannel/hostgw.env" });
        await EnsureAsync(first);
        await EnsureAsync(second);
        await EnsureAsync(await OpenAsync(
            "nft", Samples.Settings with { SubnetFile = "/run/flannel/hostgw.env", Masquerades = false }));

        RulesChange change = await EnsureAsync(first);

        Assert.False(change.IsAny);
        Assert.Equal($"-P POSTROUTING ACCEPT\n{PostroutingJump}", Iptables("nft", "-t nat -S POSTROUTING"));
        Assert.Equal(2, Iptables("nft", "-S FORWARD").Split('\n').Count(line => line.Contains("-j FLANNEL-FWD")));
    }

    [Fact]
    public async Task A_flush_by_somebody_else_is_noticed_and_what_kube_proxy_does_is_not()
    {
        using IptablesWriter writer = await OpenAsync("nft", Samples.Settings);
        using CancellationTokenSource stop = new();
        int changes = 0;
        await EnsureAsync(writer);
        Task watch = writer.WatchAsync(() => Interlocked.Increment(ref changes), stop.Token);
        await Wait.Until(() => changes > 0, TimeSpan.FromSeconds(5), "what iptables wrote is noticed");
        await EnsureAsync(writer);
        changes = 0;

        Iptables("nft", "-t nat -N KUBE-SVC-1");
        Iptables("nft", "-t nat -I POSTROUTING -j KUBE-SVC-1");
        Iptables("nft", "-t nat -A KUBE-SVC-1 -j RETURN");
        Iptables("nft", "-t nat -F KUBE-SVC-1");
        await EnsureAsync(writer);
        Assert.Equal(0, changes);
        Iptables("nft", "-t nat -F");

        await Wait.Until(() => changes > 0, TimeSpan.FromSeconds(5), "the flush is noticed");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
    }

    [Fact]
    public async Task The_host_decides_which_variant_is_used()
    {
        Assert.Equal("nft", await ChosenAsync());

        Iptables("nft", "-A FORWARD -j ACCEPT");
        Iptables("legacy", "-A FORWARD -d 192.0.2.1 -j ACCEPT");
        Iptables("legacy", "-A FORWARD -j ACCEPT");
        Assert.Equal("legacy", await ChosenAsync());

        Iptables("nft", "-t mangle -N KUBE-IPTABLES-HINT");
        Assert.Equal("nft", await ChosenAsync());

        Iptables("nft", "-t mangle -X KUBE-IPTABLES-HINT");
        Iptables("nft", "-A FORWARD -d 192.0.2.2 -j ACCEPT");
        Iptables("nft", "-A FORWARD -d 192.0.2.3 -j ACCEPT");
        Assert.Equal("nft", await ChosenAsync());

        Iptables("legacy", "-t mangle -N KUBE-KUBELET-CANARY");
        Assert.Equal("legacy", await ChosenAsync());
    }

    [Fact]
    public async Task A_host_without_iptables_is_told_what_to_do()
    {
        _programs.Missing.AddRange(["iptables-nft", "iptables-legacy-save", "iptables-restore"]);

        RulesException e = await Assert.ThrowsAsync<RulesException>(ChosenAsync);

        Assert.Equal(
            "neither iptables nor iptables-nft nor iptables-legacy is in PATH, with its -save and -restore: "
            + "install iptables, or set EnableNFTables",
            e.Message);
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public async Task Rules_left_by_the_other_mode_are_removed_exactly(string variant)
    {
        using IptablesWriter iptables = await OpenAsync(variant, Samples.Settings);
        Iptables(variant, "-t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE");
        Iptables(variant, "-A FORWARD -s 172.17.0.0/16 -j ACCEPT");
        Ip6tables(variant, "-A FORWARD -j ACCEPT");
        string before = Save(variant);
        await EnsureAsync(iptables);
        TrafficNames names = new(Samples.Settings.SubnetFile);
        using ILeftRules left = variant == "nft"
            ? _node.Namespace.Run(() => new LeftNftIptables(names, [false, true], NftSocket.Open()))
            : new LeftLegacyIptables(names, [false, true], Host());

        Assert.True(await left.RemoveAsync(CancellationToken.None));
        Assert.False(await left.RemoveAsync(CancellationToken.None));

        Assert.Equal(before, Save(variant));
        Assert.DoesNotContain("FLANNEL", Ip6tables(variant, "-S") + Ip6tables(variant, "-t nat -S"));
    }

    [Fact]
    public async Task Where_nobody_used_legacy_iptables_no_program_looks_for_its_rules()
    {
        using LeftLegacyIptables left = new(new TrafficNames(Samples.Settings.SubnetFile), [false, true], Host());

        Assert.False(await left.RemoveAsync(CancellationToken.None));

        Assert.Empty(_programs.Runs);
    }

    private static Task<RulesChange> EnsureAsync(IptablesWriter writer) =>
        writer.EnsureAsync(Samples.Own, [], CancellationToken.None);

    private async Task<IptablesWriter> OpenAsync(string variant, TrafficSettings settings)
    {
        IptablesPrograms? iptables =
            await IptablesPrograms.FindAsync(_programs, $"iptables-{variant}", CancellationToken.None);
        IptablesPrograms? ip6tables =
            await IptablesPrograms.FindAsync(_programs, $"ip6tables-{variant}", CancellationToken.None);
        return _node.Namespace.Run(() =>
            new IptablesWriter(settings, iptables, settings.IPv6Network.IsNone ? null : ip6tables));
    }

    private async Task<string> ChosenAsync() =>
        (await Host().ChooseAsync(is6: false, CancellationToken.None)).Version.IsNft ? "nft" : "legacy";

    private IptablesHost Host() => new(
        _programs,
        () => _node.Namespace.Run(NftSocket.Open),
        is6 => _node.Namespace.Run(() => IptablesHost.ListLegacyTables(is6)));

    private string Iptables(string variant, string arguments) => Run($"iptables-{variant} {arguments}");

    private string Ip6tables(string variant, string arguments) => Run($"ip6tables-{variant} {arguments}");

    /// <summary>All rules of IPv4, without the lines that tell the time and counters.</summary>
    private string Save(string variant) => string.Join(
        '\n',
        Run($"iptables-{variant}-save").Split('\n')
            .Where(line => !line.StartsWith('#'))
            .Select(line => line.Split(" [")[0]));

    private string Run(string command) =>
        _node.Shell($"XTABLES_LOCKFILE={_folder.File("xtables.lock")} {command}");
}

using FlannelCni.Agent.Leases;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>The keeper with its writers, against the kernel and under a stream of new connections.</summary>
public sealed class RulesKeeperTests : IDisposable
{
    private readonly PodCluster _cluster = new();
    private readonly TrafficModes _modes;
    private readonly TrafficSettings _settings = Samples.Settings with { IPv6Network = default };

    public RulesKeeperTests() => _modes = new TrafficModes(_cluster.Node(1));

    public static TheoryData<string, int> Restarts() => new()
    {
        { "nftables", 100 },
        { "iptables-nft", 15 },
        { "iptables-legacy", 15 },
    };

    public void Dispose()
    {
        _modes.Dispose();
        _cluster.Dispose();
    }

    [Theory]
    [MemberData(nameof(Restarts))]
    public async Task Nothing_leaves_with_a_pods_address_while_agents_restart(string mode, int restarts)
    {
        await StartAsync(mode);
        await using ConnectionStream stream = Stream();

        for (int i = 0; i < restarts; i++)
        {
            // Every other start finds the rules of another subnet, or somebody's changes, and has to replace them.
            if (i % 3 == 1)
            {
                Meddle(mode);
            }

            await StartAsync(mode, i % 2 == 0 ? _settings : _settings with { IsFullyRandom = false });
        }

        await FlowsAsync(stream);
        Assert.Equal(0, stream.Bare);
    }

    [Fact]
    public async Task Nothing_leaves_with_a_pods_address_while_modes_are_switched()
    {
        await StartAsync("iptables-legacy");
        await using ConnectionStream stream = Stream();

        foreach (string mode in (string[])["nftables", "iptables-nft", "nftables", "iptables-legacy", "iptables-nft"])
        {
            await StartAsync(mode);
            await FlowsAsync(stream);
        }

        Assert.Equal(0, stream.Bare);
        Assert.DoesNotContain("flannel-ipv4", _cluster.Node(1).Shell("nft list tables"));
        Assert.DoesNotContain("FLANNEL", Iptables("iptables-legacy-save"));
        Assert.Contains("-j FLANNEL-POSTRTG", Iptables("iptables-nft-save"));
    }

    [Theory]
    [InlineData("nftables", "nft flush ruleset")]
    [InlineData("nftables", "nft delete table ip flannel-ipv4")]
    [InlineData("iptables-nft", "nft flush ruleset")]
    [InlineData("iptables-nft", "iptables-nft -t nat -F")]
    public async Task Flushed_rules_are_back_within_a_second(string mode, string flush)
    {
        LogLines log = new();
        using RulesKeeper keeper = await _modes.OpenAsync(mode, _settings with { Resync = TimeSpan.FromHours(1) }, log);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        string wanted = Rules(mode);
        for (int i = 0; i < 2; i++)
        {
            _cluster.Node(1).Shell(flush);

            await Wait.Until(() => Rules(mode) == wanted, TimeSpan.FromSeconds(1), "the rules are back");
        }

        await Wait.Until(() => log.Count("put back") > 0, TimeSpan.FromSeconds(1), "it is said");
        Assert.Contains("flannel_drift_repaired_total{kind=\"masquerade\"}", _modes.RenderMetrics());
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_flush_of_legacy_iptables_is_repaired_at_the_next_look()
    {
        using RulesKeeper keeper =
            await _modes.OpenAsync("iptables-legacy", _settings with { Resync = TimeSpan.FromMilliseconds(100) });
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        string wanted = Rules("iptables-legacy");
        Iptables("iptables-legacy -t nat -F");

        await Wait.Until(
            () => Rules("iptables-legacy") == wanted, TimeSpan.FromSeconds(5), "the rules are back");

        await stop.CancelAsync();
        await running;
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables-nft")]
    public async Task A_new_subnet_changes_the_rules_while_it_runs(string mode)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(mode, _settings with { ExcludesNodes = true });
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);

        keeper.Post(Samples.Own with { Subnet = IpPrefix.Parse("10.42.77.0/24") });
        keeper.Post(LeaseTable.Empty.With(new Lease(
            "node2",
            default,
            default,
            new LeaseAttributes(IpAddr.Parse("192.0.2.2"), default, "vxlan", null, null),
            new Seniority(0, "node2"))));

        await Wait.Until(
            () => Rules(mode) is string rules
                && rules.Contains("10.42.77.0/24")
                && rules.Contains("192.0.2.2")
                && !rules.Contains("10.42.1.0/24"),
            TimeSpan.FromSeconds(5),
            "the rules have the new subnet");
        await stop.CancelAsync();
        await running;
    }

    private async Task StartAsync(string mode, TrafficSettings? settings = null)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(mode, settings ?? _settings);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
    }

    private void Meddle(string mode)
    {
        if (mode == "nftables")
        {
            _cluster.Node(1).Shell("nft insert rule ip flannel-ipv4 postrtg counter");
        }
        else
        {
            Iptables($"{mode} -t nat -I FLANNEL-POSTRTG -p tcp -j RETURN");
        }
    }

    private ConnectionStream Stream() => new(
        _cluster.Pod(1, 2),
        _cluster.Outside,
        PodCluster.WireAddress(is6: false, 3),
        PodCluster.WireAddress(is6: false, 1));

    private static Task FlowsAsync(ConnectionStream stream)
    {
        int seen = stream.Masqueraded;
        return Wait.Until(
            () => stream.Masqueraded > seen + 100, TimeSpan.FromSeconds(10), "masqueraded connections arrive");
    }

    private string Rules(string mode) => mode == "nftables"
        ? string.Join('\n', _cluster.Node(1).Shell("nft list ruleset").Split('\n').Order())
        : Iptables($"{mode} -t nat -S") + Iptables($"{mode} -S");

    private string Iptables(string command) => _cluster.Node(1).Shell($"XTABLES_LOCKFILE=/dev/null {command}");
}

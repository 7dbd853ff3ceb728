using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Contract;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.TrafficRules;

public sealed class RulesKeeperTests : IDisposable
{
    private static readonly SubnetPair s_own = new(IpPrefix.Parse("10.244.4.0/24"), default);

    private readonly FakeWriter _writer = new();
    private readonly FakeLeft _left;
    private readonly LogLines _log = new();
    private readonly AgentMetrics _metrics = new();

    public RulesKeeperTests() => _left = new FakeLeft(_writer);

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task A_start_sets_the_rules_and_only_then_removes_what_another_mode_left()
    {
        _writer.Change = new(true, true);
        using RulesKeeper keeper = Open();

        await keeper.StartAsync(s_own, CancellationToken.None);

        Assert.Equal(["ensure 10.244.4.0/24", "remove"], _writer.Calls);
        Assert.Equal(
            [
                "Information: Firewall rules set by fake for 10.244.4.0/24: masquerade, forward",
                "Information: Firewall rules that an earlier agent left in left removed; fake has them now",
            ],
            _log.Lines);
    }

    [Fact]
    public async Task A_start_that_cannot_masquerade_is_the_end()
    {
        _writer.Failure = "no such table";
        using RulesKeeper keeper = Open();

        AgentFatalException e = await Assert.ThrowsAsync<AgentFatalException>(
            () => keeper.StartAsync(s_own, CancellationToken.None));

        Assert.Equal("firewall rules (fake): no such table", e.Message);
        Assert.DoesNotContain("remove", _writer.Calls);
    }

    [Fact]
    public async Task A_start_that_cannot_accept_forwarded_packets_goes_on_and_tries_again()
    {
        _writer.Failure = "no such table";
        using RulesKeeper keeper = Open(masquerades: false);
        await keeper.StartAsync(s_own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        _writer.Failure = null;
        _writer.Change = new(false, true);
        _writer.Ring();

        await Wait.Until(() => _log.Count("set by fake") == 1, TimeSpan.FromSeconds(5), "the rules are set");

        Assert.Equal(1, _log.Count("Warning: Firewall rules not set by fake, trying again: no such table"));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_change_by_somebody_is_put_back_counted_and_said()
    {
        using RulesKeeper keeper = Open();
        await keeper.StartAsync(s_own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        await Wait.Until(() => _writer.Calls.Count >= 3, TimeSpan.FromSeconds(5), "the first look is done");
        _writer.Change = new(true, false);
        _writer.Ring();

        await Wait.Until(() => _log.Count("put back") > 0, TimeSpan.FromSeconds(5), "it is said");

        Assert.Contains("flannel_drift_repaired_total{kind=\"masquerade\"}", _metrics.Render());
        Assert.DoesNotContain("kind=\"forward\"", _metrics.Render());
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_new_subnet_is_no_drift()
    {
        using RulesKeeper keeper = Open();
        await keeper.StartAsync(s_own, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        await Wait.Until(() => _writer.Calls.Count >= 3, TimeSpan.FromSeconds(5), "the first look is done");
        _writer.ChangeOnce = new(true, false);

        keeper.Post(new SubnetPair(IpPrefix.Parse("10.244.9.0/24"), default));

        await Wait.Until(() => _log.Count("set by fake for 10.244.9.0/24") == 1, TimeSpan.FromSeconds(5), "it is said");
        Assert.Equal(0, _log.Count("put back"));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task What_cannot_be_removed_is_tried_again()
    {
        _left.Failure = "iptables-save: exit status 4";
        using RulesKeeper keeper = Open();
        await keeper.StartAsync(s_own, CancellationToken.None);
        Assert.Equal(1, _log.Count("left in left not removed: iptables-save: exit status 4"));
        using CancellationTokenSource stop = new();
        Task running = keeper.RunAsync(stop.Token);
        _left.Failure = null;
        _writer.Ring();

        await Wait.Until(() => _left.IsDisposed, TimeSpan.FromSeconds(5), "it is removed");

        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Settings_and_nodes_both_say_what_is_not_masqueraded()
    {
        using RulesKeeper keeper = Open(notMasqueraded: ["192.168.0.0/16"]);
        keeper.Post(Peers("192.0.2.3", "192.0.2.2"));

        await keeper.StartAsync(s_own, CancellationToken.None);

        Assert.Equal("ensure 10.244.4.0/24 not 192.168.0.0/16 192.0.2.2/32 192.0.2.3/32", _writer.Calls[0]);
    }

    private RulesKeeper Open(bool masquerades = true, params string[] notMasqueraded) => new(
        new TrafficSettings
        {
            SubnetFile = FlannelPaths.SubnetFile,
            Masquerades = masquerades,
            Resync = TimeSpan.FromHours(1),
            NotMasqueraded = [.. notMasqueraded.Select(IpPrefix.Parse)],
            ExcludesNodes = true,
        },
        _writer,
        [_left],
        _metrics,
        TimeProvider.System,
        _log);

    private static LeaseTable Peers(params string[] addresses) => addresses.Aggregate(
        LeaseTable.Empty,
        static (table, address) => table.With(new Lease(
            address,
            default,
            default,
            new LeaseAttributes(IpAddr.Parse(address), default, "vxlan", null, null),
            new Seniority(0, address))));

    private sealed class FakeWriter : IRulesWriter
    {
        private volatile Action? _onChange;
        private volatile string? _failure;

        public string Name => "fake";

        internal List<string> Calls { get; } = [];

        internal string? Failure { set => _failure = value; }

        internal RulesChange Change { get; set; }

        internal RulesChange? ChangeOnce { get; set; }

        /// <summary>As the kernel does; at once, or when somebody listens.</summary>
        internal void Ring() => _onChange?.Invoke();

        public Task<RulesChange> EnsureAsync(
            SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded, CancellationToken cancellationToken)
        {
            Calls.Add($"ensure {own}" + (notMasqueraded.IsEmpty ? "" : $" not {string.Join(' ', notMasqueraded)}"));
            RulesChange change = ChangeOnce ?? Change;
            ChangeOnce = null;
            return _failure is { } failure
                ? Task.FromException<RulesChange>(new RulesException(failure))
                : Task.FromResult(change);
        }

        public Task WatchAsync(Action onChange, CancellationToken cancellationToken)
        {
            _onChange = onChange;
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        public void Dispose()
        {
        }
    }

    private sealed class FakeLeft(FakeWriter writer) : ILeftRules
    {
        private volatile string? _failure;
        private volatile bool _isDisposed;

        public string Name => "left";

        internal string? Failure { set => _failure = value; }

        internal bool IsDisposed => _isDisposed;

        public Task<bool> RemoveAsync(CancellationToken cancellationToken)
        {
            writer.Calls.Add("remove");
            return _failure is { } failure
                ? Task.FromException<bool>(new RulesException(failure))
                : Task.FromResult(true);
        }

        public void Dispose() => _isDisposed = true;
    }
}

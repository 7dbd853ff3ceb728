using FlannelCni.Agent;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.Health;

/// <summary>The probes say what the reconciler knows.</summary>
public sealed class AgentHealthTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();
    private readonly ShiftedTime _time = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public async Task Ready_is_who_has_a_complete_list_and_a_kernel_that_agrees_with_it()
    {
        AgentHealth health = new(_time);
        health.Starting("waiting for a lease");
        Assert.False(health.IsReady(out string? reason));
        Assert.Equal("waiting for a lease", reason);

        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        health.Running(agent.Reconciler);
        Assert.False(health.IsReady(out reason));
        Assert.Equal("no complete list of leases yet", reason);

        await agent.SyncAsync(LeaseOf(2));
        Assert.False(health.IsReady(out reason));
        Assert.Equal("writing the subnet file", reason);

        health.Serving();
        Assert.True(health.IsReady(out _));

        Node.Shell("ip address del 192.0.2.1/24 dev eth0");
        await Wait.Until(() => !health.IsReady(out reason), Soon, "the trouble is told");
        Assert.Contains("eth0", reason, StringComparison.Ordinal);
        Assert.True(health.IsAlive(out _));    // a restart would not help

        Node.Shell("ip address add 192.0.2.1/24 dev eth0");
        await Wait.Until(() => health.IsReady(out _), Soon, "the end of it is told");
    }

    [Fact]
    public async Task Alive_is_whose_reconciler_comes_by()
    {
        AgentHealth health = new(_time);
        Assert.True(health.IsAlive(out _));    // a start may take as long as it takes

        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        health.Running(agent.Reconciler);
        health.Serving();
        await agent.SyncAsync(LeaseOf(2));
        Assert.True(health.IsAlive(out _));

        _time.Shift = TimeSpan.FromSeconds(100);    // more than a large cluster's reconciler rests
        Assert.True(health.IsAlive(out _));
        _time.Shift = TimeSpan.FromMinutes(10);
        Assert.False(health.IsAlive(out string? reason));
        Assert.StartsWith("the reconciler has not come by for 6", reason, StringComparison.Ordinal);    // 600 s
    }

    /// <summary>The machine's time, some of it later.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        internal TimeSpan Shift { get; set; }

        public override long GetTimestamp() =>
            System.GetTimestamp() + (long)(Shift.TotalSeconds * System.TimestampFrequency);
    }
}

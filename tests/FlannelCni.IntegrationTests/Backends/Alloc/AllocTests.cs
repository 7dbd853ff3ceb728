using FlannelCni.Agent.Leases;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.Backends.Alloc;

public sealed class AllocTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public async Task It_publishes_an_address_without_a_type_and_writes_nothing()
    {
        await using KernelWatch watch = new(Node);
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, """{"Type":"alloc"}""");

        await agent.SyncAsync(LeaseOf(2), HostGwLeaseOf(3));

        Assert.Equal(
            new LeaseAttributes(TestCluster.Address4(1), default, "", null, null), agent.InitialState.Attributes);
        Assert.Equal(1500u, agent.InitialState.Mtu);
        Assert.Empty(watch.Events);
        Assert.DoesNotContain(agent.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_another_backend_left_is_cleared_away()
    {
        await using (DataPlaneHarness agent = await StartAsync(Node, 1, _state, """{"DirectRouting":true}"""))
        {
            await agent.SyncAsync(LeaseOf(2), LeaseOf(3, publicIP: "198.51.100.3"));
        }

        await using DataPlaneHarness alloc = await StartAsync(Node, 1, _state, """{"Type":"alloc"}""");
        await alloc.SyncAsync(LeaseOf(2));

        Assert.Equal("", Node.Shell("ip link show type vxlan; ip route show | grep 10.244 || true"));
    }
}

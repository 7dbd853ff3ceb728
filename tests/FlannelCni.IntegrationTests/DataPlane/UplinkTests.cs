using FlannelCni.Linux.Net;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>The external interface goes and comes back, and somebody works against the agent without a pause.</summary>
public sealed class UplinkTests : IDisposable
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
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public async Task The_tunnel_comes_back_with_the_uplink()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);
        await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
        await agent.SettleAsync();

        Node.Shell("ip link del eth0");
        await Wait.Until(() => agent.Reconciler.Status.Trouble is not null, Soon, "the trouble is seen");
        Assert.Contains("eth0", agent.Reconciler.Status.Trouble, StringComparison.Ordinal);

        Node.Shell(
            """
            ip link add eth0 type veth peer name far
            ip address add 192.0.2.1/24 dev eth0
            ip address add 2001:db8::1/64 dev eth0 nodad
            ip link set far up
            ip link set eth0 up
            """);

        await Wait.Until(
            () => agent.Reconciler.Status.Trouble is null && Peers.AreExactly(Node, 2, 3), Soon, "the peers are back");
        Assert.True(Peers.AreExactly6(Node, 2, 3));
        Assert.Contains("dev eth0", Node.Shell("ip -details link show flannel.1"), StringComparison.Ordinal);
        Assert.InRange(agent.Log.Count("The kernel is not as it must be"), 1, 3);    // gone; there without addresses
        await Wait.Until(
            () => agent.Log.Count("The kernel is as it must be again") == 1, Soon, "the end of it is said");
    }

    [Fact]
    public async Task An_uplink_with_another_MTU_gives_the_tunnel_another()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync(LeaseOf(2));

        Node.Shell("ip link set eth0 mtu 1400");

        await Wait.Until(() => agent.Published is { State.Mtu: 1350 }, Soon, "the new MTU is told");
        Assert.Contains("mtu 1350 ", Node.Shell("ip link show flannel.1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task News_that_come_while_the_uplink_is_away_are_not_forgotten()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync(LeaseOf(2));
        Node.Shell("ip address del 192.0.2.1/24 dev eth0");
        await Wait.Until(() => agent.Reconciler.Status.Trouble is not null, Soon, "the trouble is seen");

        Task synced = agent.SyncAsync(LeaseOf(3));
        await agent.SettleAsync();
        Node.Shell("ip address add 192.0.2.1/24 dev eth0");

        await synced;
        await Wait.Until(() => Peers.AreExactly(Node, 3), Soon, "the news are in the kernel");
    }

    [Fact]
    public async Task An_adversary_costs_neither_a_processor_nor_a_log()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync([.. Enumerable.Range(2, 200).Select(static i => LeaseOf(i))]);
        await agent.SettleAsync();
        await using KernelWatch watch = new(Node);

        Node.Shell(
            """
            end=$(($(date +%s%N) + 2000000000))
            while [ "$(date +%s%N)" -lt "$end" ]; do
              ip route del 10.244.7.0/24 dev flannel.1
              ip neighbour flush nud permanent dev flannel.1
              bridge fdb del 0e:00:00:00:00:09 dev flannel.1
              ip link set flannel.1 mtu 1300
            done 2>&1 | tail -n 1
            """);

        await Wait.Until(() => Peers.AreExactly(Node, Enumerable.Range(2, 200)), Soon, "all is as before");
        int repairs = watch.Events.Count(static e => e.Link is { Name: "flannel.1", Mtu: 1450 });
        Assert.InRange(repairs, 1, 40);
        Assert.InRange(agent.Log.Lines.Count, 1, 20);
    }

    [Fact]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public async Task IPv6_drift_is_put_back_too()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);
        await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
        await agent.SettleAsync();

        foreach (string change in (string[])
        [
            "ip link del flannel-v6.1",
            "ip link set flannel-v6.1 down",
            "ip -6 route flush dev flannel-v6.1 proto boot",
            "ip -6 route replace fd00:10:244:2::/64 via 2001:db8::9 dev eth0 metric 1024",
            "ip -6 neighbour flush nud permanent dev flannel-v6.1",
            "bridge fdb del 0e:06:00:00:00:02 dev flannel-v6.1",
            "ip -6 address flush dev flannel-v6.1 scope global",
        ])
        {
            Node.Shell(change);
            await Wait.Until(() => IsWhole6(), Soon, $"all is as before {change}");
            await agent.SettleAsync();
            Assert.True(IsWhole6());
        }
    }

    // Its address first: the device may be away.
    private bool IsWhole6() => Node.Shell("ip -6 -oneline address show | grep flannel-v6.1 || true")
            .Contains(IpPrefix.Parse("fd00:10:244:1::/128").ToString(), StringComparison.Ordinal)
        && Peers.AreExactly6(Node, 2, 3);
}

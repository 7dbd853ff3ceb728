using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>
/// Whatever somebody does to the node's tunnel, it is put right by the notification, well within a second.
/// </summary>
public sealed class DriftTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Theory]
    [InlineData("ip link del flannel.1", "flannel.1 was gone", Traits = [KernelTrait.Name, KernelTrait.Both])]
    [InlineData("ip link set flannel.1 down", "flannel.1 was down")]
    [InlineData("ip link set flannel.1 down; ip link set flannel.1 up", "route")]
    [InlineData("ip link set flannel.1 address 0e:aa:aa:aa:aa:aa", "flannel.1 had MAC 0e:aa:aa:aa:aa:aa")]
    [InlineData("ip link set flannel.1 mtu 1300", "flannel.1 had MTU 1300")]
    [InlineData("ip link set flannel.1 type vxlan local 192.0.2.77", "flannel.1 had source 192.0.2.77")]
    [InlineData("ip link set flannel.1 type vxlan learning", "and learning")]
    [InlineData("ip address flush dev flannel.1", "flannel.1 had lost its address 10.244.1.0/32")]
    [InlineData("ip address add 10.244.9.0/32 dev flannel.1", "flannel.1 had the address 10.244.9.0/32")]
    [InlineData("ip route del 10.244.2.0/24", "route 10.244.2.0/24")]
    [InlineData("ip route replace 10.244.2.0/24 via 192.0.2.9 dev eth0", "route 10.244.2.0/24")]
    [InlineData("ip route replace blackhole 10.244.2.0/24", "route 10.244.2.0/24")]
    [InlineData("ip route replace 10.244.2.0/24 via 10.244.3.0 dev flannel.1 onlink", "route 10.244.2.0/24")]
    [InlineData("ip route flush dev flannel.1", "route", Traits = [KernelTrait.Name, KernelTrait.Both])]
    [InlineData("ip route add 10.244.8.0/24 via 10.244.8.0 dev flannel.1 onlink proto static", "route 10.244.8.0/24")]
    [InlineData("ip neighbour del 10.244.2.0 dev flannel.1", "neighbour 10.244.2.0")]
    [InlineData("ip neighbour replace 10.244.2.0 lladdr 0e:bb:bb:bb:bb:bb dev flannel.1", "neighbour 10.244.2.0")]
    [InlineData(
        "ip neighbour change 10.244.2.0 lladdr 0e:00:00:00:00:02 nud stale dev flannel.1", "neighbour 10.244.2.0")]
    [InlineData("ip neighbour flush nud permanent dev flannel.1", "neighbour")]
    [InlineData("ip neighbour add 10.244.8.0 lladdr 0e:00:00:00:00:08 dev flannel.1", "neighbour 10.244.8.0")]
    [InlineData("bridge fdb del 0e:00:00:00:00:02 dev flannel.1", "fdb 0e:00:00:00:00:02")]
    [InlineData(
        "bridge fdb replace 0e:00:00:00:00:02 dst 192.0.2.99 dev flannel.1", "fdb 0e:00:00:00:00:02",
        Traits = [KernelTrait.Name, KernelTrait.Both])]
    [InlineData("bridge fdb replace 0e:00:00:00:00:02 dst 192.0.2.2 port 999 dev flannel.1", "fdb 0e:00:00:00:00:02")]
    [InlineData("bridge fdb replace 0e:00:00:00:00:02 dst 192.0.2.2 dynamic dev flannel.1", "fdb 0e:00:00:00:00:02")]
    [InlineData("bridge fdb add 0e:00:00:00:00:08 dst 192.0.2.8 dev flannel.1", "fdb 0e:00:00:00:00:08")]
    public async Task What_others_change_is_put_back_and_said_once(string change, string said)
    {
        TestNode node = _cluster.Nodes[0];
        await using DataPlaneHarness agent = await StartAsync(node, 1, _state);
        await agent.SyncAsync(LeaseOf(2), LeaseOf(3));
        await agent.SettleAsync();
        string device = Device(node);

        node.Shell(change);

        await Wait.Until(() => IsAsBefore(node, device), Soon, "all is as before");
        await Wait.Until(
            () => agent.Log.Lines.Any(line => line.StartsWith("Warning: Repaired", StringComparison.Ordinal)
                && line.Contains(said, StringComparison.Ordinal)),
            Soon,
            $"a line says {said}: {string.Join('\n', agent.Log.Lines)}");
        await agent.SettleAsync();
        Assert.True(IsAsBefore(node, device));

        // A flush looks again, finds what was put back meanwhile, and flushes that too.
        int lines = agent.Log.Lines.Count(static line => line.StartsWith("Warning", StringComparison.Ordinal));
        Assert.InRange(lines, 1, change.Contains("flush", StringComparison.Ordinal) ? 10 : 1);
    }

    private static bool IsAsBefore(TestNode node, string device) =>
        Device(node) == device && Peers.AreExactly(node, 2, 3);

    // All but the ifindex.
    private static string Device(TestNode node)
    {
        string links = node.Shell("ip -details -oneline link show type vxlan | cut -d: -f2-");
        return links + node.Shell("ip -oneline -4 address show | cut -d: -f2- | grep flannel || true");
    }
}

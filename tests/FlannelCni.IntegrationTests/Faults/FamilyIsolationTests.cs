using FlannelCni.Agent.Leases;
using FlannelCni.IntegrationTests.Backends;
using FlannelCni.IntegrationTests.DataPlane;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>In dual stack one family's trouble does not hold up the other.</summary>
public sealed class FamilyIsolationTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_device_that_cannot_be_had_holds_up_its_own_family_alone(bool isIPv6Away)
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);
        await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
        await agent.SettleAsync();
        string[] whole = KernelState.Of(Node);

        // Somebody's device has the place before ours is made again.
        (string ours, string others) = isIPv6Away
            ? ("flannel-v6.1", "flannel.1")
            : ("flannel.1", "flannel-v6.1");
        string local = isIPv6Away ? "2001:db8::1" : "192.0.2.1";
        Node.Shell(
            "ip -force -batch - 2>/dev/null || true",
            string.Concat(Enumerable.Repeat(
                $"link del {ours}\nlink add rival type vxlan id 1 dev eth0 local {local} dstport 8472\n", 20)));
        await Wait.Until(
            () => agent.Reconciler.Status.Trouble?.Contains("the device rival has VNI 1", StringComparison.Ordinal)
                == true,
            Soon,
            () => $"the rival is named: {agent.Reconciler.Status.Trouble}");

        Node.Shell($"ip link del {others}");
        await Wait.Until(() => AreOthers(2, 3), Soon, "the other family is put back");
        Task synced = agent.SyncAsync(
            LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true), LeaseOf(4, isDualStack: true));
        await Wait.Until(() => AreOthers(2, 3, 4), Soon, "the other family follows the leases");
        Assert.NotNull(agent.Reconciler.Status.Trouble);
        Assert.Equal(6, agent.Reconciler.Status.Peers);    // the family that is away has not lost its peers

        Node.Shell("ip link del rival");
        await synced;
        await agent.SyncAsync(LeaseOf(2, isDualStack: true), LeaseOf(3, isDualStack: true));
        await agent.SettleAsync();
        Assert.Null(KernelState.Difference(whole, KernelState.Of(Node)));
        Assert.InRange(agent.Log.Count("The kernel is not as it must be"), 1, 5);

        bool AreOthers(params int[] numbers) =>
            isIPv6Away ? Peers.AreExactly(Node, numbers) : Peers.AreExactly6(Node, numbers);
    }

    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public async Task An_address_of_the_uplink_that_is_lost_holds_up_its_own_family_alone(string backend)
    {
        bool isVxlan = backend == "vxlan";
        await using DataPlaneHarness agent = await StartAsync(
            Node, 1, _state, $$"""{"Type":"{{backend}}"}""", isDualStack: true);
        await agent.SyncAsync(Lease(2), Lease(3));
        await agent.SettleAsync();
        string[] whole = KernelState.Of(Node);

        Node.Shell("ip -6 address flush dev eth0 scope global");
        await Wait.Until(() => agent.Reconciler.Status.Trouble is not null, Soon, "the trouble is seen");
        await agent.SettleAsync();
        Node.Shell("ip route del 10.244.2.0/24");
        await Wait.Until(IsIPv4Whole, Soon, "IPv4 is put back");
        Assert.Null(agent.Published);    // peers know this node by the same addresses

        Node.Shell("ip -6 address add 2001:db8::1/64 dev eth0 nodad");
        await agent.InSyncAsync();
        await agent.SettleAsync();
        Assert.Null(KernelState.Difference(whole, KernelState.Of(Node)));

        Lease Lease(int number) =>
            isVxlan ? LeaseOf(number, isDualStack: true) : HostGwLeaseOf(number, isDualStack: true);

        bool IsIPv4Whole() => isVxlan ? Peers.AreExactly(Node, 2, 3) : UnderlayRoutes.Of(Node).Count == 2;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_family_that_is_renumbered_is_followed_while_the_other_has_no_address(bool isIPv6Away)
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);
        await agent.SyncAsync(LeaseOf(2, isDualStack: true));
        await agent.SettleAsync();
        (string there, string away) = isIPv6Away
            ? ("192.0.2.9/24 dev eth0", "2001:db8::9/64 dev eth0 nodad")
            : ("2001:db8::9/64 dev eth0 nodad", "192.0.2.9/24 dev eth0");

        Node.Shell($"ip address flush dev eth0 scope global; ip address add {there}");
        await Wait.Until(
            () => Attributes() is { } now && (isIPv6Away ? now.PublicIP : now.PublicIPv6) == New(is6: !isIPv6Away),
            Soon,
            () => $"the new address is published: {agent.Published?.State.Attributes}");
        Assert.Equal(Old(is6: isIPv6Away), isIPv6Away ? Attributes()!.PublicIPv6 : Attributes()!.PublicIP);
        string device = isIPv6Away ? "flannel.1" : "flannel-v6.1";
        Assert.Contains(
            $"local {New(is6: !isIPv6Away)} ", Node.Shell($"ip -details link show {device}"), StringComparison.Ordinal);
        Assert.NotNull(agent.Reconciler.Status.Trouble);
        Assert.True(isIPv6Away ? Peers.AreExactly(Node, 2) : Peers.AreExactly6(Node, 2));

        Node.Shell($"ip address add {away}");
        await agent.InSyncAsync();
        await agent.SettleAsync();
        Assert.Equal((New(is6: false), New(is6: true)), (Attributes()!.PublicIP, Attributes()!.PublicIPv6));
        Assert.True(Peers.AreExactly(Node, 2) && Peers.AreExactly6(Node, 2));

        LeaseAttributes? Attributes() => agent.Published?.State.Attributes;
    }

    private static IpAddr Old(bool is6) => is6 ? TestCluster.Address6(1) : TestCluster.Address4(1);

    private static IpAddr New(bool is6) => is6 ? TestCluster.Address6(9) : TestCluster.Address4(9);
}

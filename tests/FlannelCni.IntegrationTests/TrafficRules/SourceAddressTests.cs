using System.Net;
using System.Net.Sockets;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>Who sees which source address: the table in docs/firewall.md, with real packets.</summary>
public sealed class SourceAddressTests : IDisposable
{
    private readonly PodCluster _cluster = new();
    private readonly TrafficModes _modes;

    public SourceAddressTests() => _modes = new TrafficModes(_cluster.Node(1));

    public static TheoryData<string> Modes() => [.. TrafficModes.All];

    public void Dispose()
    {
        _modes.Dispose();
        _cluster.Dispose();
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Each_sees_the_source_address_that_the_documentation_promises(string mode)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(mode, Samples.Settings);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);

        await AssertTableAsync(is6: false);
        await AssertTableAsync(is6: true);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task What_kube_proxy_marked_is_left_to_it(string mode)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(mode, Samples.Settings);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
        _cluster.Node(1).Shell(
            "nft -f -",
            "table inet kube { chain pre { type filter hook prerouting priority mangle; meta mark set 0x4000; }; }\n");

        foreach (bool is6 in (bool[])[false, true])
        {
            IpAddr? seen = await SeenAsync(_cluster.Outside, PodCluster.WireAddress(is6, 3), _cluster.Pod(1, 2));

            Assert.Equal(PodCluster.PodAddress(is6, 1, 2), seen);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Excluded_nodes_see_the_pods_own_address(string mode)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(
            mode,
            Samples.Settings with
            {
                NotMasqueraded =
                [
                    IpPrefix.Host(PodCluster.WireAddress(is6: false, 2)),
                    IpPrefix.Host(PodCluster.WireAddress(is6: true, 2)),
                ],
            });
        await keeper.StartAsync(Samples.Own, CancellationToken.None);

        foreach (bool is6 in (bool[])[false, true])
        {
            IpAddr? node = await SeenAsync(_cluster.Node(2), PodCluster.WireAddress(is6, 2), _cluster.Pod(1, 2));
            IpAddr? outside = await SeenAsync(_cluster.Outside, PodCluster.WireAddress(is6, 3), _cluster.Pod(1, 2));

            Assert.Equal(PodCluster.PodAddress(is6, 1, 2), node);
            Assert.Equal(PodCluster.WireAddress(is6, 1), outside);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_multicast_group_sees_the_address_in_the_pod_network(string mode)
    {
        using RulesKeeper keeper = await _modes.OpenAsync(mode, Samples.Settings);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);
        IPAddress group = PodCluster.Convert(IpAddr.Parse("239.1.2.3"));
        using Socket receiver = PodCluster.Open(_cluster.Outside, IpAddr.Any4);
        using Socket sender = PodCluster.Open(_cluster.Node(1), PodCluster.PodAddress(is6: false, 1, 1));
        receiver.SetSocketOption(
            SocketOptionLevel.IP,
            SocketOptionName.AddMembership,
            new MulticastOption(group, PodCluster.Convert(PodCluster.WireAddress(is6: false, 3))));
        sender.SetSocketOption(
            SocketOptionLevel.IP,
            SocketOptionName.MulticastInterface,
            PodCluster.Convert(PodCluster.WireAddress(is6: false, 1)).GetAddressBytes());
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(5), TimeProvider.System);

        await sender.SendToAsync(new byte[1], new IPEndPoint(group, ((IPEndPoint)receiver.LocalEndPoint!).Port));
        SocketReceiveFromResult result = await receiver.ReceiveFromAsync(
            new byte[1], SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), timeout.Token);

        IpAddr seen = IpAddr.FromBytes(((IPEndPoint)result.RemoteEndPoint).Address.GetAddressBytes());
        Assert.Equal(PodCluster.PodAddress(is6: false, 1, 1), seen);
    }

    /// <remarks>Not so with nftables: an accept in one of its tables does not outweigh a drop in another.</remarks>
    [Theory]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    public async Task Pods_packets_pass_a_hook_of_iptables_whose_policy_is_to_drop(string mode)
    {
        _cluster.Node(1).Shell($"XTABLES_LOCKFILE=/dev/null {mode} -P FORWARD DROP");
        using RulesKeeper keeper = await _modes.OpenAsync(mode, Samples.Settings);
        await keeper.StartAsync(Samples.Own, CancellationToken.None);

        IpAddr? seen = await SeenAsync(_cluster.Outside, PodCluster.WireAddress(is6: false, 3), _cluster.Pod(1, 2));

        Assert.Equal(PodCluster.WireAddress(is6: false, 1), seen);
    }

    private async Task AssertTableAsync(bool is6)
    {
        IpAddr node = PodCluster.WireAddress(is6, 1);
        IpAddr pod = PodCluster.PodAddress(is6, 1, 2);
        IpAddr remote = PodCluster.PodAddress(is6, 2, 2);
        IpAddr bridge = PodCluster.PodAddress(is6, 1, 1);
        IpAddr another = IpAddr.Parse(is6 ? "2001:db8:100::1" : "198.51.100.1");
        IpAddr outside = PodCluster.WireAddress(is6, 3);
        TestNode here = _cluster.Pod(1, 2);

        Assert.Equal(node, await SeenAsync(_cluster.Outside, outside, here));
        Assert.Equal(node, await SeenAsync(_cluster.Node(2), PodCluster.WireAddress(is6, 2), here));
        Assert.Equal(pod, await SeenAsync(_cluster.Pod(1, 3), PodCluster.PodAddress(is6, 1, 3), here));
        Assert.Equal(pod, await SeenAsync(_cluster.Pod(2, 2), remote, here));
        Assert.Equal(pod, await SeenAsync(_cluster.Node(1), node, here));
        Assert.Equal(bridge, await SeenAsync(here, pod, _cluster.Node(1)));
        Assert.Equal(another, await SeenAsync(here, pod, _cluster.Node(1), another));
        Assert.Equal(node, await SeenAsync(_cluster.Pod(2, 2), remote, _cluster.Node(1), another));
        Assert.Equal(outside, await SeenAsync(here, pod, _cluster.Outside));
        Assert.Equal(node, await SeenAsync(_cluster.Pod(2, 2), remote, _cluster.Outside));
    }

    private static Task<IpAddr?> SeenAsync(TestNode by, IpAddr at, TestNode from, IpAddr bound = default) =>
        PodCluster.SourceSeenAsync(by, at, from, bound);
}

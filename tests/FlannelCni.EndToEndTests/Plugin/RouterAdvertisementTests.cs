using System.Net;
using System.Net.Sockets;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>A node that has its IPv6 default route from a router's advertisements.</summary>
public sealed class RouterAdvertisementTests : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    private readonly CniHost _host = new(CniHost.IPv6);
    private readonly TestNode _router = TestNode.Create();

    public void Dispose()
    {
        _host.Dispose();
        _router.Dispose();
    }

    [Fact]
    public async Task The_route_stays_when_the_host_begins_to_forward_and_goes_on_being_renewed()
    {
        _host.Node.Shell($"ip link add up0 type veth peer name eth0 netns {_router.NamespacePath}");
        _host.Node.Shell("ip link add quiet0 type veth peer name quiet1");
        _host.Node.Shell("sysctl -q -w net.ipv6.conf.up0.accept_dad=0; ip link set up0 up");
        _router.Shell("sysctl -q -w net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 up");
        await Wait.Until(
            () => HasLinkLocal(_router, "eth0") && HasLinkLocal(_host.Node, "up0"), s_soon, "the wire carries");
        await AdvertiseUntilAsync("the router's advertisement is believed");

        _host.Add(_host.NewPod()).Success();

        Assert.Equal("1", _host.Node.Shell("cat /proc/sys/net/ipv6/conf/all/forwarding").Trim());
        Assert.Contains("default via fe80:", Default(), StringComparison.Ordinal);
        Assert.Equal("2", _host.Node.Shell("cat /proc/sys/net/ipv6/conf/up0/accept_ra").Trim());
        Assert.Equal("1", _host.Node.Shell("cat /proc/sys/net/ipv6/conf/quiet0/accept_ra").Trim());

        _host.Node.Shell("ip -6 route flush default");
        await AdvertiseUntilAsync("the next one is believed, too");
    }

    private static bool HasLinkLocal(TestNode node, string device) =>
        node.Shell($"ip -6 address show dev {device} scope link -tentative").Contains("fe80", StringComparison.Ordinal);

    private string Default() => _host.Node.Shell("ip -6 route show default dev up0");

    /// <summary>RFC 4861, 4.2: a router for the next half hour.</summary>
    private async Task AdvertiseUntilAsync(string because)
    {
        byte[] advertisement = [134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
        using Socket socket = _router.Namespace.Run(
            static () => new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6));
        int index = _router.ShellJson("ip -json link show eth0")[0].GetProperty("ifindex").GetInt32();
        socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, 255);
        socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, index);
        IPEndPoint everybody = new(new IPAddress([0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), 0);
        await Wait.Until(
            () =>
            {
                _ = socket.SendTo(advertisement, everybody);
                return Default().Contains("default via fe80:", StringComparison.Ordinal);
            },
            s_soon,
            because);
    }
}

using System.Net;
using System.Net.Sockets;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>The host's own way out, when its first pod makes a router of it.</summary>
public sealed class UplinkTests : IDisposable
{
    private readonly CniHost _host = new();
    private readonly TestNode _router = TestNode.Create();

    public void Dispose()
    {
        _host.Dispose();
        _router.Dispose();
    }

    [Fact]
    public async Task An_uplink_that_lives_on_router_advertisements_keeps_its_default_route()
    {
        _router.Shell($"ip link add up0 type veth peer name up0 netns {_host.Node.NamespacePath}");
        _host.Node.Shell("echo 0 > /proc/sys/net/ipv6/conf/up0/accept_dad; ip link set up0 up");
        _router.Shell("echo 0 > /proc/sys/net/ipv6/conf/up0/accept_dad; ip link set up0 up");
        _host.Node.Shell("ip link add quiet0 type veth peer name quiet1");
        await Wait.Until(
            () => HasLinkLocal(_router) && HasLinkLocal(_host.Node), TimeSpan.FromSeconds(20), "both can be talked to");
        await Wait.Until(
            () =>
            {
                Advertise();
                return Default().Contains("proto ra", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(20),
            "the host takes a default route from the router");

        _host.Add(_host.NewPod()).Success();

        Assert.Equal("1\n", _host.Node.Shell("cat /proc/sys/net/ipv6/conf/all/forwarding"));
        Assert.Contains("proto ra", Default(), StringComparison.Ordinal);
        Assert.Equal("1\n", _host.Node.Shell("cat /proc/sys/net/ipv6/conf/quiet0/accept_ra"));

        _host.Node.Shell("ip -6 route flush default");
        await Wait.Until(
            () =>
            {
                Advertise();
                return Default().Contains("proto ra", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(20),
            "the host goes on listening to the router");
    }

    private static bool HasLinkLocal(TestNode node) => node
        .Shell("ip -6 address show dev up0 scope link -tentative").Contains("fe80", StringComparison.Ordinal);

    private string Default() => _host.Node.Shell("ip -6 route show default");

    /// <summary>RFC 4861, 4.2: a router for half an hour; the kernel adds the checksum.</summary>
    private void Advertise()
    {
        byte[] advertisement = [134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
        int index = _router.ShellJson("ip -json link show up0")[0].GetProperty("ifindex").GetInt32();
        _router.Namespace.Run(() =>
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6);
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, index);
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, 255);
            byte[] allNodes = [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            _ = socket.SendTo(advertisement, new IPEndPoint(new IPAddress(allNodes, index), 0));
        });
    }
}

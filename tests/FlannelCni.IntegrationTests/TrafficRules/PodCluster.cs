using System.Net;
using System.Net.Sockets;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>
/// Two nodes of a cluster and a host outside of it, on one wire: 192.0.2.1, .2 and .3. Node N has the bridge cni0 with
/// 10.42.N.1 and two pods, .2 and .3; nodes route to each other's pods, and node 1 has 198.51.100.1 as well. The
/// outside reaches all pods through node 1. The same in IPv6.
/// </summary>
internal sealed class PodCluster : IDisposable
{
    private readonly TestCluster _wire = TestCluster.Create(nodes: 3);
    private readonly List<TestNode> _pods = [];

    internal PodCluster()
    {
        foreach (TestNode host in _wire.Nodes)
        {
            host.Shell("""
                for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $i; done
                echo 1 > /proc/sys/net/ipv4/ip_forward
                echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
                """);
        }

        for (int node = 1; node <= 2; node++)
        {
            AddPods(node);
        }

        Ip(Node(1), "address add 198.51.100.1/32 dev lo", "address add 2001:db8:100::1/128 dev lo nodad");
        Ip(Outside, "route add 10.42.0.0/16 via 192.0.2.1", "route add 2001:cafe:42::/56 via 2001:db8::1");
    }

    internal TestNode Outside => _wire.Nodes[2];

    /// <param name="number">1 or 2.</param>
    internal TestNode Node(int number) => _wire.Nodes[number - 1];

    /// <summary>Pods 2 and 3 of node 1 or 2.</summary>
    internal TestNode Pod(int node, int number) => _pods[((node - 1) * 2) + number - 2];

    /// <summary>10.42.NODE.NUMBER.</summary>
    internal static IpAddr PodAddress(bool is6, int node, int number) =>
        IpAddr.Parse(is6 ? $"2001:cafe:42:{node}::{number}" : $"10.42.{node}.{number}");

    /// <summary>192.0.2.NUMBER.</summary>
    internal static IpAddr WireAddress(bool is6, int number) =>
        is6 ? TestCluster.Address6(number) : TestCluster.Address4(number);

    /// <summary>Sends a datagram and returns where it seems to come from; null: it does not arrive.</summary>
    internal static async Task<IpAddr?> SourceSeenAsync(
        TestNode to, IpAddr address, TestNode from, IpAddr bound = default)
    {
        using Socket receiver = Open(to, address.Is6 ? IpAddr.Any6 : IpAddr.Any4);
        using Socket sender = Open(from, bound.IsNone ? address.Is6 ? IpAddr.Any6 : IpAddr.Any4 : bound);
        IPEndPoint target = new(Convert(address), ((IPEndPoint)receiver.LocalEndPoint!).Port);
        IPEndPoint source = new(address.Is6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        for (int attempt = 0; attempt < 5; attempt++)
        {
            // A neighbour's address may not be usable yet.
            await sender.SendToAsync(new byte[1], SocketFlags.None, target, CancellationToken.None);
            using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(0.5), TimeProvider.System);
            try
            {
                SocketReceiveFromResult result =
                    await receiver.ReceiveFromAsync(new byte[1], SocketFlags.None, source, timeout.Token);
                return IpAddr.FromBytes(((IPEndPoint)result.RemoteEndPoint).Address.GetAddressBytes());
            }
            catch (OperationCanceledException)
            {
            }
        }

        return null;
    }

    internal static Socket Open(TestNode node, IpAddr address) => node.Namespace.Run(() =>
    {
        AddressFamily family = address.Is6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        Socket socket = new(family, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(Convert(address), 0));
        return socket;
    });

    internal static IPAddress Convert(IpAddr address)
    {
        byte[] bytes = new byte[address.ByteLength];
        address.WriteTo(bytes);
        return new IPAddress(bytes);
    }

    public void Dispose()
    {
        foreach (TestNode pod in _pods)
        {
            pod.Dispose();
        }

        _wire.Dispose();
    }

    private void AddPods(int node)
    {
        int other = 3 - node;
        Ip(
            Node(node),
            "link add cni0 up type bridge mcast_snooping 0",
            $"address add 10.42.{node}.1/24 dev cni0",
            $"address add 2001:cafe:42:{node}::1/64 dev cni0 nodad",
            $"route add 10.42.{other}.0/24 via 192.0.2.{other}",
            $"route add 2001:cafe:42:{other}::/64 via 2001:db8::{other}");
        for (int number = 2; number <= 3; number++)
        {
            TestNode pod = TestNode.Create();
            _pods.Add(pod);
            Ip(Node(node), $"link add pod{number} master cni0 up type veth peer name eth0 netns {pod.NamespacePath}");
            Ip(
                pod,
                "link set lo up",
                "link set eth0 up",
                $"address add 10.42.{node}.{number}/24 dev eth0",
                $"address add 2001:cafe:42:{node}::{number}/64 dev eth0 nodad",
                $"route add default via 10.42.{node}.1",
                $"route add default via 2001:cafe:42:{node}::1");
        }
    }

    private static void Ip(TestNode node, params IEnumerable<string> lines) =>
        node.Shell("ip -batch -", string.Join('\n', lines) + "\n");
}

using System.Globalization;
using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>
/// Several nodes on one wire, a bridge in a namespace of its own. Node i, from 1, has lo up, and eth0 up with
/// 192.0.2.i/24 and 2001:db8::i/64, usable at once. Behind a router there can be others, off that link.
/// </summary>
public sealed class TestCluster : IDisposable
{
    // A router asks for no neighbour before its link-local address is proved, which takes a second or two.
    private const string NoDuplicateTests = "sysctl -q -w net.ipv6.conf.default.accept_dad=0";

    private readonly List<TestNode> _nodes = [];
    private readonly List<TestNode> _beyond = [];    // the router and what is behind it

    private TestCluster() => Switch = TestNode.Create();

    /// <summary>Has the bridge <c>wire</c>, and the far ends <c>port1</c>, <c>port2</c> … of the nodes' eth0.</summary>
    public TestNode Switch { get; }

    /// <summary>Node 1 is the first.</summary>
    public IReadOnlyList<TestNode> Nodes => _nodes;

    /// <inheritdoc cref="TestNode.Create"/>
    public static TestCluster Create(int nodes)
    {
        TestCluster cluster = new();
        try
        {
            cluster.Connect(nodes);
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>192.0.2.NUMBER.</summary>
    public static IpAddr Address4(int number) => IpAddr.Parse("192.0.2.0").Add((UInt128)number);

    /// <summary>2001:db8::NUMBER.</summary>
    public static IpAddr Address6(int number) => IpAddr.Parse("2001:db8::").Add((UInt128)number);

    /// <summary>198.51.100.NUMBER, of a node behind the router.</summary>
    public static IpAddr RemoteAddress4(int number) => IpAddr.Parse("198.51.100.0").Add((UInt128)number);

    /// <summary>2001:db8:1::NUMBER, of a node behind the router.</summary>
    public static IpAddr RemoteAddress6(int number) => IpAddr.Parse("2001:db8:1::").Add((UInt128)number);

    /// <summary>
    /// A node behind a router, 192.0.2.254 and 2001:db8::fe, which all nodes have a route through: eth0 has
    /// 198.51.100.NUMBER/24 and 2001:db8:1::NUMBER/64. One a cluster.
    /// </summary>
    public TestNode AddRemoteNode(int number)
    {
        TestNode router = TestNode.Create();
        TestNode remote = TestNode.Create();
        _beyond.AddRange(router, remote);
        router.Shell(NoDuplicateTests);
        remote.Shell(NoDuplicateTests);
        Switch.Shell($"ip link add uplink master wire up type veth peer name near netns {router.NamespacePath}");
        router.Shell(
            $"""
            sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
            ip address add 192.0.2.254/24 dev near
            ip address add 2001:db8::fe/64 dev near nodad
            ip link set near up
            ip link add far up type veth peer name eth0 netns {remote.NamespacePath}
            ip address add 198.51.100.254/24 dev far
            ip address add 2001:db8:1::fe/64 dev far nodad
            """);
        remote.Shell(
            $"""
            ip link set lo up
            ip address add {RemoteAddress4(number)}/24 dev eth0
            ip address add {RemoteAddress6(number)}/64 dev eth0 nodad
            ip link set eth0 up
            ip route add 192.0.2.0/24 via 198.51.100.254
            ip -6 route add 2001:db8::/64 via 2001:db8:1::fe
            """);
        _nodes.ForEach(static node => node.Shell(
            """
            ip route add 198.51.100.0/24 via 192.0.2.254
            ip -6 route add 2001:db8:1::/64 via 2001:db8::fe
            """));
        return remote;
    }

    public void Dispose()
    {
        _beyond.ForEach(static node => node.Dispose());
        foreach (TestNode node in _nodes)
        {
            node.Dispose();
        }

        Switch.Dispose();
    }

    private void Connect(int nodes)
    {
        // Without snooping the switch passes neighbour discovery on from the first moment.
        StringBuilder wire = new("link add wire up type bridge mcast_snooping 0\n");
        for (int number = 1; number <= nodes; number++)
        {
            TestNode node = TestNode.Create();
            _nodes.Add(node);
            node.Shell(NoDuplicateTests);
            wire.Append(
                CultureInfo.InvariantCulture,
                $"link add port{number} master wire up type veth peer name eth0 netns {node.NamespacePath}\n");
        }

        Switch.Shell("ip -batch -", wire.ToString());
        for (int number = 1; number <= nodes; number++)
        {
            _nodes[number - 1].Shell(
                "ip -batch -",
                $"""
                link set lo up
                address add {Address4(number)}/24 dev eth0
                address add {Address6(number)}/64 dev eth0 nodad
                link set eth0 up

                """);
        }

        // The kernel completes it when it gets round to it, on a busy machine much later: that is no test's doing.
        Assert.True(SpinWait.SpinUntil(() => _nodes.TrueForAll(IsComplete), TimeSpan.FromSeconds(20)));
    }

    private static bool IsComplete(TestNode node) =>
        node.Rtnl.GetLink("eth0") is { OperState: OperState.IF_OPER_UP, Index: int index }
        && node.Rtnl.ListRoutes(new RouteFilter(Is6: true) { OutInterface = index })
            .Exists(static route => route.Destination == IpPrefix.Parse("2001:db8::/64"));
}

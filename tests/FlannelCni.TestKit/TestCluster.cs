using System.Globalization;
using System.Text;
using FlannelCni.Linux.Net;

namespace FlannelCni.TestKit;

/// <summary>
/// Several nodes on one wire, a bridge in a namespace of its own. Node i, from 1, has lo up, and eth0 up with
/// 192.0.2.i/24 and 2001:db8::i/64, usable at once.
/// </summary>
public sealed class TestCluster : IDisposable
{
    private readonly List<TestNode> _nodes = [];

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

    public void Dispose()
    {
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
    }
}

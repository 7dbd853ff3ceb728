using System.Globalization;
using System.Net;

namespace FlannelCni.TestKit;

/// <summary>
/// Nodes for the published agent on one wire, with etcd at 192.0.2.254 on it. The agents' network has a prefix of its
/// own in etcd, so that many clusters share one.
/// </summary>
public sealed class AgentCluster : IDisposable
{
    /// <summary>A network of vxlan with nothing special.</summary>
    public const string PlainConfig = """{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}""";

    private const int MaxRequests = 120;    // of a transaction

    private static int s_count;

    private readonly TestCluster _wire;

    private AgentCluster(EtcdServer etcd, TestCluster wire)
    {
        _wire = wire;
        Etcd = etcd;
        Prefix = string.Create(CultureInfo.InvariantCulture, $"/e2e{Interlocked.Increment(ref s_count)}/network");
        _wire.Switch.Shell("ip link set lo up && ip address add 192.0.2.254/24 dev wire");
        Relay = _wire.Switch.Namespace.Run(() => etcd.NewRelay(new IPEndPoint(IPAddress.Any, 2379)));
        Nodes = [.. wire.Nodes.Select((net, i) => new AgentNode(
            i + 1, net, $"--etcd-endpoints={Endpoint} --etcd-prefix={Prefix}"))];
    }

    /// <summary>As the nodes reach etcd.</summary>
    public static string Endpoint => "http://192.0.2.254:2379";

    public EtcdServer Etcd { get; }

    /// <summary>The wire between the nodes and etcd.</summary>
    public TcpRelay Relay { get; }

    /// <summary>Of the keys in etcd.</summary>
    public string Prefix { get; }

    /// <summary>Has the bridge that the nodes are on.</summary>
    public TestNode Switch => _wire.Switch;

    /// <summary>Node 1 is the first; all with default routes to the wire.</summary>
    public IReadOnlyList<AgentNode> Nodes { get; }

    /// <param name="config">Put into etcd; null: nothing is.</param>
    public static AgentCluster Create(EtcdServer etcd, int nodes, string? config = PlainConfig)
    {
        AgentCluster cluster = new(etcd, TestCluster.Create(nodes));
        foreach (AgentNode node in cluster.Nodes)
        {
            node.Net.Shell("ip route add default via 192.0.2.254 && ip route add default via 2001:db8::ffff");
        }

        if (config is not null)
        {
            cluster.PutConfig(config);
        }

        return cluster;
    }

    /// <summary>One whose agents are ready, know each other, and have pod addresses that can be pinged.</summary>
    public static async Task<AgentCluster> StartReadyAsync(EtcdServer etcd, int nodes, string config = PlainConfig)
    {
        AgentCluster cluster = Create(etcd, nodes, config);
        try
        {
            await Task.WhenAll(cluster.Nodes.Select(static node => node.StartReadyAsync()));
            foreach (AgentNode node in cluster.Nodes)
            {
                await node.KnowsAsync(nodes - 1);
                node.AddPodAddress();
            }

            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    public void PutConfig(string json, string? prefix = null) =>
        Etcd.Control($"put {prefix ?? Prefix}/config '{json}'");

    /// <summary>The key of a node's lease.</summary>
    public string LeaseKey(AgentNode node) => LeaseKey(node.Subnet);

    /// <param name="subnet"><c>10.244.7.0/24</c>.</param>
    public string LeaseKey(string subnet) => $"{Prefix}/subnets/{subnet.Replace('/', '-')}";

    /// <summary>The value of a node's lease; empty: it has none.</summary>
    public string LeaseValue(AgentNode node) => Etcd.Control($"get --print-value-only {LeaseKey(node)}");

    /// <summary>Puts a lease as a vxlan node would, without time limit.</summary>
    public void PutLease(string subnet, string publicIP, string mac) =>
        PutRaw(LeaseKey(subnet), LeaseText(publicIP, mac));

    /// <summary>The value of a vxlan node's lease.</summary>
    public static string LeaseText(string publicIP, string mac) =>
        $$$"""{"PublicIP":"{{{publicIP}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":"""
        + $$$"""{"VNI":1,"VtepMAC":"{{{mac}}}"}}""";

    /// <summary>Puts leases for 10.244.FIRST.0/24 and those that follow, in one transaction.</summary>
    public void PutPeers(int first, int count) => Transact(first, count, static (number, key) =>
    {
        string value = LeaseText($"192.0.2.{number}", $"0e:00:00:00:01:{number:x2}");
        return $"put {key} \"{value.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    });

    /// <summary>Removes them, in one transaction.</summary>
    public void DeletePeers(int first, int count) => Transact(first, count, static (_, key) => $"del {key}");

    /// <summary>Puts any value, however long, under any key.</summary>
    public void PutRaw(string key, string value) => Etcd.Control($"put '{key}'", value);

    /// <summary>Removes a key.</summary>
    public void Delete(string key) => Etcd.Control($"del '{key}'");

    public void Dispose()
    {
        foreach (AgentNode node in Nodes)
        {
            node.Dispose();
        }

        Relay.Dispose();
        _wire.Dispose();
    }

    /// <summary>Puts the leases of a <see cref="LargeCluster"/>, whose network is 10.0.0.0/8.</summary>
    internal void PutLargeCluster(int count)
    {
        foreach (int[] numbers in Enumerable.Range(0, count).Chunk(MaxRequests))
        {
            Etcd.Control("txn", "\n" + string.Concat(numbers.Select(i =>
            {
                string value = LeaseText($"{LargeCluster.PublicIP(i)}", $"{LargeCluster.Mac(i)}");
                string key = LeaseKey($"{LargeCluster.SubnetBase(i)}/24");
                return $"put {key} \"{value.Replace("\"", "\\\"", StringComparison.Ordinal)}\"\n";
            })) + "\n\n");
        }
    }

    // No conditions, then the requests.
    private void Transact(int first, int count, Func<int, string, string> request) => Etcd.Control(
        "txn",
        "\n" + string.Concat(Enumerable.Range(first, count)
            .Select(number => request(number, LeaseKey($"10.244.{number}.0/24")) + "\n")) + "\n\n");
}

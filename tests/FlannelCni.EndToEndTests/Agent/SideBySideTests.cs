using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>Two networks on the same hosts, an agent each.</summary>
public sealed class SideBySideTests(SharedEtcd etcd)
{
    private const string SecondFile = "--subnet-file=/run/flannel/second.env --healthz-port=8082";

    [Fact]
    public async Task Two_agents_a_host_with_prefixes_of_their_own_keep_their_networks_apart()
    {
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(
            etcd.Server, 2, """{"Network":"10.11.0.0/16","Backend":{"Type":"vxlan"}}""");
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        string second = cluster.Prefix + "-second";
        cluster.PutConfig("""{"Network":"10.12.0.0/16","Backend":{"Type":"vxlan","VNI":2,"Port":8473}}""", second);

        foreach (AgentNode node in cluster.Nodes)
        {
            node.Start($"{SecondFile} --etcd-prefix={second}");
            await node.ReadyAsync(8082);
            await Wait.Until(
                () => File.Exists(node.PathOf("/run/flannel/second.env")), AgentNode.Soon, "the second subnet file");
            node.Net.Shell($"ip link add more up type bridge && ip address add {Second(node)}/24 dev more");
        }

        await Wait.Until(
            () => Pings(one, Second(one), Second(two)), AgentNode.Soon, () => $"the second network carries: {one.Log}");
        Assert.Equal((3, 3), one.Ping(two));
        Assert.Equal("2", one.TunnelData("id", "flannel.2"));

        // Out of the wrong device nothing arrives.
        Assert.False(Pings(one, "flannel.1", Second(two)));
        Assert.False(Pings(one, "flannel.2", two.PodAddress));
        Assert.False(Pings(one, "eth0", two.PodAddress));

        one.Agent.Terminate();
        Assert.Equal(0, await one.Agent.EndAsync());
        Assert.Equal((3, 3), one.Ping(two));
        Assert.Equal(200, (await one.GetAsync("/readyz")).Status);
        Assert.Equal(0, one.LogCount("Repaired"));
    }

    private static string Second(AgentNode node)
    {
        string line = File.ReadLines(node.PathOf("/run/flannel/second.env")).First(
            static line => line.StartsWith("FLANNEL_SUBNET=", StringComparison.Ordinal));
        return line["FLANNEL_SUBNET=".Length..].Split('/')[0];
    }

    private static bool Pings(AgentNode node, string from, string to) => node.Net.Shell(
        $"ping -q -c 1 -W 0.3 -I {from} {to} || true").Contains(" 1 received", StringComparison.Ordinal);
}

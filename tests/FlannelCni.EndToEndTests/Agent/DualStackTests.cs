using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>IPv4 and IPv6 side by side, and IPv6 alone.</summary>
public sealed class DualStackTests(SharedEtcd etcd)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nodes_reach_each_other_over_every_family_that_is_on(bool isDual)
    {
        string ipv4 = isDual ? "\"Network\":\"10.244.0.0/16\"" : "\"EnableIPv4\":false";
        string config =
            $$"""{ {{ipv4}},"EnableIPv6":true,"IPv6Network":"fd00:10:244::/48","Backend":{"Type":"vxlan"} }""";
        string[] variables = isDual ? ["FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"] : ["FLANNEL_IPV6_SUBNET"];
        using AgentCluster cluster = AgentCluster.Create(etcd.Server, 2, config);
        foreach (AgentNode node in cluster.Nodes)
        {
            await node.StartReadyAsync();
            node.Net.Shell("ip link add pods up type bridge");
            foreach (string variable in variables)
            {
                node.Net.Shell($"ip address add {node.Value(variable)} dev pods nodad");
            }
        }

        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        foreach (string variable in variables)
        {
            await Wait.Until(
                () => Pings(one, two, variable) && Pings(two, one, variable),
                AgentNode.Soon,
                () => $"{variable} is reached: {one.Log}");
        }

        Assert.Equal("1430", one.Value("FLANNEL_MTU"));
        Assert.Equal(0, one.LogCount("Repaired"));
    }

    private static bool Pings(AgentNode from, AgentNode to, string variable)
    {
        string source = from.Value(variable).Split('/')[0];
        string target = to.Value(variable).Split('/')[0];
        return from.Net.Shell($"ping -q -c 1 -W 0.3 -I {source} {target} || true")
            .Contains(" 1 received", StringComparison.Ordinal);
    }
}

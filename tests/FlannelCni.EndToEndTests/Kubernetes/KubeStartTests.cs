using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Kubernetes;

/// <summary>Published agents whose leases are Node objects.</summary>
public sealed class KubeStartTests
{
    [Fact]
    public async Task Three_nodes_get_their_pod_CIDRs_and_reach_each_other()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(3);

        foreach (AgentNode node in cluster.Nodes)
        {
            Assert.Equal($"10.244.{node.Number}.0/24", node.Subnet);
            Assert.Equal("true", cluster.Annotation(node.Number, "kube-subnet-manager"));
            Assert.Equal("vxlan", cluster.Annotation(node.Number, "backend-type"));
            Assert.Equal(node.Address, cluster.Annotation(node.Number, "public-ip"));
            Assert.Equal(
                $$"""{"VNI":1,"VtepMAC":"{{node.Mac}}"}""", cluster.Annotation(node.Number, "backend-data"));
            Assert.Null(cluster.Annotation(node.Number, "public-ipv6"));
        }

        foreach (AgentNode node in cluster.Nodes.Skip(1))
        {
            Assert.Equal((3, 3), cluster.Nodes[0].Ping(node));
        }

        Assert.All(cluster.Nodes, node => Assert.Equal(1, node.LogCount(
            $"eth0 (MTU 1500) with {node.Address}: the Node's InternalIP {node.Address} is on it")));
        await Wait.Until(
            () => cluster.Nodes.All(node => cluster.NetworkUnavailable(node.Number) == "False"),
            AgentNode.Soon,
            "the condition is cleared");
    }
}

using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>What an agent holds does not grow with what has happened.</summary>
public sealed class ResourceTests(SharedEtcd etcd)
{
    private const int Peers = 50;

    [Fact]
    public async Task Two_thousand_changes_of_leases_leave_descriptors_and_memory_as_they_were()
    {
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(etcd.Server, 1);
        AgentNode node = cluster.Nodes[0];
        await ChangeAsync(cluster, node, rounds: 5);
        (int descriptors, int memory) = (node.Agent.Descriptors, node.Agent.ResidentKilobytes);

        await ChangeAsync(cluster, node, rounds: 20);

        Assert.InRange(node.Agent.Descriptors, 0, descriptors + 2);
        Assert.InRange(node.Agent.ResidentKilobytes, 0, memory + 8192);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{descriptors} -> {node.Agent.Descriptors} descriptors, {memory} -> {node.Agent.ResidentKilobytes} kB");
    }

    // Fifty leases come and go: a hundred changes a round.
    private static async Task ChangeAsync(AgentCluster cluster, AgentNode node, int rounds)
    {
        double before = await node.MetricAsync("flannel_lease_events_total");
        for (int i = 0; i < rounds; i++)
        {
            cluster.PutPeers(150, Peers);
            await Wait.Until(async () => await PeersAsync(node) == Peers, AgentNode.Soon, "all are there");
            cluster.DeletePeers(150, Peers);
            await Wait.Until(async () => await PeersAsync(node) == 0, AgentNode.Soon, "all are gone");
        }

        Assert.Equal(2 * Peers * rounds, await node.MetricAsync("flannel_lease_events_total") - before);
    }

    private static Task<double> PeersAsync(AgentNode node) => node.MetricAsync("flannel_peers{state=\"admitted\"}");
}

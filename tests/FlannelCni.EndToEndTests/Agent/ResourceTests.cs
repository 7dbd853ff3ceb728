using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>What an agent holds does not grow with what has happened.</summary>
public sealed class ResourceTests(SharedEtcd etcd)
{
    private const int Rounds = 100;

    [Fact]
    public async Task Two_hundred_changes_of_leases_leave_descriptors_and_memory_as_they_were()
    {
        using AgentCluster cluster = await AgentCluster.StartReadyAsync(etcd.Server, 1);
        AgentNode node = cluster.Nodes[0];
        await ChangeAsync(cluster, node, rounds: 20);
        (int descriptors, int memory) = (node.Agent.Descriptors, node.Agent.ResidentKilobytes);

        await ChangeAsync(cluster, node, Rounds);

        Assert.InRange(node.Agent.Descriptors, 0, descriptors + 2);
        Assert.InRange(node.Agent.ResidentKilobytes, 0, memory + 16384);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{descriptors} -> {node.Agent.Descriptors} descriptors, {memory} -> {node.Agent.ResidentKilobytes} kB");
    }

    // A lease comes and goes: two changes a round, in one call of etcdctl each.
    private static async Task ChangeAsync(AgentCluster cluster, AgentNode node, int rounds)
    {
        double before = await node.MetricAsync("flannel_lease_events_total");
        for (int i = 0; i < rounds; i++)
        {
            cluster.PutLease("10.244.200.0/24", "192.0.2.200", $"0e:00:00:00:01:{i:x2}");
            cluster.Delete(cluster.LeaseKey("10.244.200.0/24"));
        }

        await Wait.Until(
            async () => await node.MetricAsync("flannel_peers{state=\"admitted\"}") == 0,
            AgentNode.Soon,
            "all are gone");

        // Those that come together may be seen as one, or none.
        Assert.InRange(await node.MetricAsync("flannel_lease_events_total") - before, 1, rounds * 2);
    }
}

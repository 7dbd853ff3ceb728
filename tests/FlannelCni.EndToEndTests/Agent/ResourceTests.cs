using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>What an agent holds does not grow with what has happened.</summary>
public sealed class ResourceTests(SharedEtcd etcd)
{
    private const int Peers = 50;
    private const int MaxKilobytes = 150_000;    // several times what it is

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

    /// <remarks>FLANNEL_PEERS says how many others there are.</remarks>
    [Fact]
    public async Task A_large_cluster_takes_little_memory_and_a_restart_into_it_little_time()
    {
        int peers = int.Parse(
            Environment.GetEnvironmentVariable("FLANNEL_PEERS") ?? "5000", CultureInfo.InvariantCulture);
        using AgentCluster cluster = AgentCluster.Create(
            etcd.Server, 1, """{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan"}}""");
        AgentNode node = cluster.Nodes[0];
        cluster.PutLargeCluster(peers);

        TimeSpan first = await StartAsync(node, peers);
        int firstMemory = node.Agent.ResidentKilobytes;
        node.Agent.Kill();
        await node.Agent.EndAsync();
        TimeSpan second = await StartAsync(node, peers);
        int secondMemory = node.Agent.ResidentKilobytes;

        Assert.InRange(firstMemory, 0, MaxKilobytes);
        Assert.InRange(secondMemory, 0, MaxKilobytes);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{peers} peers: {first} and {firstMemory} kB; restarted {second} and {secondMemory} kB\n"
            + string.Join('\n', node.Log.Split('\n').Where(
                static line => line.Contains("in sync", StringComparison.Ordinal))));
    }

    private static async Task<TimeSpan> StartAsync(AgentNode node, int peers)
    {
        long start = TimeProvider.System.GetTimestamp();
        node.Start();
        await Wait.Until(
            async () => await PeersAsync(node) == peers && (await node.GetAsync("/readyz")).Status == 200,
            AgentNode.Soon,
            () => $"all are there: {node.Log}");
        return TimeProvider.System.GetElapsedTime(start);
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

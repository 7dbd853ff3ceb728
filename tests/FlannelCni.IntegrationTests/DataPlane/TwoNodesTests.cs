using FlannelCni.Agent.Leases;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>Packets of pods between two nodes, each with its own agent and a pod behind a veth.</summary>
public sealed class TwoNodesTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(2);
    private readonly TestFolder _state1 = new();
    private readonly TestFolder _state2 = new();
    private readonly List<TestNode> _pods = [];

    public void Dispose()
    {
        _pods.ForEach(static pod => pod.Dispose());
        _cluster.Dispose();
        _state1.Dispose();
        _state2.Dispose();
    }

    [Fact]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public async Task Pods_of_two_nodes_reach_each_other_by_both_families()
    {
        await using DataPlaneHarness agent1 = await StartAsync(_cluster.Nodes[0], 1, _state1, isDualStack: true);
        await using DataPlaneHarness agent2 = await StartAsync(_cluster.Nodes[1], 2, _state2, isDualStack: true);
        TestNode pod1 = AddPod(1);
        AddPod(2);

        await agent1.SyncAsync(agent2.OwnLease());
        await agent2.SyncAsync(agent1.OwnLease());

        pod1.Shell("ping -c 1 -W 2 10.244.2.2");
        pod1.Shell("ping -c 1 -W 2 fd00:10:244:2::2");
        pod1.Shell("ping -c 1 -W 2 -M do -s 1402 10.244.2.2");    // 1430 with its headers, the MTU
        _cluster.Nodes[0].Shell("ping -c 1 -W 2 10.244.2.0 && ping -c 1 -W 2 fd00:10:244:2::");
    }

    [Fact]
    public async Task No_packet_is_lost_by_a_restart_nor_by_a_repair_of_another_peer()
    {
        await using DataPlaneHarness agent2 = await StartAsync(_cluster.Nodes[1], 2, _state2);
        DataPlaneHarness agent1 = await StartAsync(_cluster.Nodes[0], 1, _state1);
        await agent1.SyncAsync(agent2.OwnLease(), LeaseOf(3));
        await agent2.SyncAsync(agent1.OwnLease());
        TestNode pod1 = AddPod(1);
        AddPod(2);
        Lease lease2 = agent2.OwnLease();

        Task<string> pings = Task.Run(() => pod1.Shell("ping -q -i 0.005 -c 200 -W 1 10.244.2.2"));
        await agent1.DisposeAsync();
        await using DataPlaneHarness restarted = await StartAsync(_cluster.Nodes[0], 1, _state1);
        await restarted.SyncAsync(lease2, LeaseOf(4));
        _cluster.Nodes[0].Shell("ip route del 10.244.4.0/24; bridge fdb del 0e:00:00:00:00:04 dev flannel.1");
        restarted.Inbox.PostFull();

        Assert.Contains("200 received, 0% packet loss", await pings, StringComparison.Ordinal);
        await Wait.Until(() => Peers.Routes(_cluster.Nodes[0]).Count == 2, Soon, "the other peer is repaired");
    }

    private TestNode AddPod(int number)
    {
        TestNode pod = TestPod.AddTo(_cluster.Nodes[number - 1], number);
        _pods.Add(pod);
        return pod;
    }
}

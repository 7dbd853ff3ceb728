using FlannelCni.Agent.Leases;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>Whatever happens to one peer, no packet to another is lost.</summary>
public sealed class InnocentPeerTests
{
    // Of node 3, on node 1.
    private static readonly string[] s_faults =
    [
        "ip route del 10.244.3.0/24; ip -6 route del fd00:10:244:3::/64",
        "ip route replace blackhole 10.244.3.0/24; ip -6 route replace blackhole fd00:10:244:3::/64",
        "ip route prepend 10.244.3.0/24 via 192.0.2.2 dev eth0; ip -6 route add fd00:10:244:8::/64 via 2001:db8::2",
        "ip neighbour del 10.244.3.0 dev flannel.1; ip -6 neighbour del fd00:10:244:3:: dev flannel-v6.1",
        "ip neighbour replace 10.244.3.0 lladdr 0e:bb:bb:bb:bb:bb dev flannel.1",
        "ip neighbour add 10.244.8.0 lladdr 0e:00:00:00:00:08 dev flannel.1",
        "bridge fdb add 0e:00:00:00:00:08 dst 192.0.2.8 dev flannel.1",
    ];

    [Fact]
    public async Task Faults_and_changes_of_one_peer_cost_another_no_packet()
    {
        await using StormCluster cluster = await StormCluster.StartAsync();
        string[][] before = cluster.State();
        Task<string>[] pings = [Ping(StormCluster.Pod4(1)), Ping(StormCluster.Pod6(1))];

        foreach (string fault in s_faults)
        {
            cluster.Node(0).Shell($"{fault} || true");
            string mac = cluster.MacOf(2, is6: false);
            cluster.Node(0).Shell($"bridge fdb del {mac} dev flannel.1 || true");    // gone, and not back yet
            await cluster.Agent(0).SettleAsync();
        }

        // It moves, gets another MAC, leaves, and comes back.
        Lease three = cluster.Lease(2);
        Lease moved = DataPlaneHarness.LeaseOf(3, null, isDualStack: true, "192.0.2.33");
        Lease changed = DataPlaneHarness.LeaseOf(3, null, isDualStack: true);
        foreach (Lease? lease in (Lease?[])[moved, changed, null, three])
        {
            await cluster.Agent(0).SyncAsync(lease is null ? [cluster.Lease(1)] : [cluster.Lease(1), lease]);
        }

        await cluster.Agent(0).SettleAsync();
        cluster.Node(0).Shell("ip -6 route del fd00:10:244:8::/64 || true");
        foreach (string result in await Task.WhenAll(pings))
        {
            Assert.Contains(" 0% packet loss", result, StringComparison.Ordinal);
        }

        Assert.Null(cluster.Difference(before));

        Task<string> Ping(string address) =>
            Task.Run(() => cluster.Pod(0).Shell($"ping -q -i 0.005 -c 500 -W 1 {address}"));
    }
}

using System.Globalization;
using System.Text.Json;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>
/// Node 3 publishes what would draw the packets between pods of nodes 1 and 2 to itself. They go where they went, which
/// the frames that node 3 gets tell.
/// </summary>
public sealed class HostileLeaseTests : IDisposable
{
    private const int Packets = 40;

    private readonly TestCluster _cluster = TestCluster.Create(3);
    private readonly TestFolder[] _states = [new(), new()];
    private readonly List<TestNode> _pods = [];

    public void Dispose()
    {
        _pods.ForEach(static pod => pod.Dispose());
        _cluster.Dispose();
        Array.ForEach(_states, static state => state.Dispose());
    }

    [Theory]
    [InlineData("""{"Type":"vxlan"}""")]
    [InlineData("""{"Type":"vxlan","DirectRouting":true}""")]
    [InlineData("""{"Type":"host-gw"}""")]
    public async Task No_lease_draws_packets_that_are_not_its_own(string backend)
    {
        await using DataPlaneHarness agent1 = await StartAsync(1, backend);
        await using DataPlaneHarness agent2 = await StartAsync(2, backend);
        await agent1.SyncAsync(agent2.OwnLease());
        await agent2.SyncAsync(agent1.OwnLease());
        PingAll();
        string[] before = KernelState.Of(_cluster.Nodes[0]);
        Lease honest = agent2.OwnLease();
        Lease[] hostile = [.. Hostile(agent1.OwnLease(), honest).Select(static (lease, i) => lease with
        {
            Key = $"hostile{i}",
            Seniority = new Seniority(100 + i, $"hostile{i}"),
        })];

        foreach (Lease lease in hostile)
        {
            await agent1.SyncAsync(honest, lease);
            await agent1.SettleAsync();
            Assert.Null(KernelState.Difference(before, KernelState.Of(_cluster.Nodes[0])));
        }

        await agent1.SyncAsync([honest, .. hostile]);
        await agent1.SettleAsync();
        int stray = FramesToNode3();
        PingAll();
        Assert.InRange(FramesToNode3() - stray, 0, Packets / 2);    // a few broadcasts, but not the packets
        Assert.All(hostile, lease => Assert.Contains(
            agent1.Log.Lines, line => line.Contains($"Lease {lease.Key} refused", StringComparison.Ordinal)));
        Assert.Null(agent1.Reconciler.Status.Trouble);

        // The senior keeps it after a restart too, whoever comes first.
        await agent1.DisposeAsync();
        await using DataPlaneHarness restarted = await StartAsync(1, backend, addsPod: false);
        await restarted.SyncAsync([.. hostile, honest]);
        Assert.Null(KernelState.Difference(before, KernelState.Of(_cluster.Nodes[0])));
    }

    private static IEnumerable<Lease> Hostile(Lease own, Lease honest)
    {
        Lease mine = honest with
        {
            Subnet = IpPrefix.Parse("10.244.3.0/24"),
            IPv6Subnet = default,
            Attributes = honest.Attributes with
            {
                PublicIP = TestCluster.Address4(3),
                PublicIPv6 = TestCluster.Address6(3),
                BackendData = Other(honest.Attributes.BackendData),
                BackendV6Data = Other(honest.Attributes.BackendV6Data),
            },
        };
        foreach (string subnet in (string[])
        [
            "10.244.2.0/24", "10.244.2.0/25", "10.244.2.2/32", "10.244.2.0/23", "10.244.0.0/16", "10.244.1.0/25",
            "10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/24", "192.0.2.2/32", "127.0.0.0/8", "224.0.0.0/4", "10.244.3.7/24",
        ])
        {
            yield return mine with { Subnet = IpPrefix.Parse(subnet) };
        }

        foreach (string subnet in (string[])
        [
            "fd00:10:244:2::/64", "fd00:10:244:2::/65", "fd00:10:244:2::2/128", "fd00:10:244:2::/63",
            "fd00:10:244::/48", "fd00:10:244:1::/96", "::/0", "2001:db8::/64", "2001:db8::2/128", "fe80::/64",
        ])
        {
            yield return mine with { Subnet = default, IPv6Subnet = IpPrefix.Parse(subnet) };
        }

        foreach (string address in (string[])
            ["192.0.2.1", "10.244.2.2", "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "2001:db8::3"])
        {
            yield return mine with
            {
                Attributes = mine.Attributes with { PublicIP = IpAddr.Parse(address) },
            };
        }

        if (honest.Attributes.BackendData is not null)
        {
            // The peer's own MAC behind another address, and ours.
            yield return mine with
            {
                Attributes = mine.Attributes with { BackendData = honest.Attributes.BackendData },
            };
            yield return mine with
            {
                Subnet = default,
                IPv6Subnet = IpPrefix.Parse("fd00:10:244:3::/64"),
                Attributes = mine.Attributes with { BackendV6Data = honest.Attributes.BackendV6Data },
            };
            yield return mine with
            {
                Attributes = mine.Attributes with { BackendData = own.Attributes.BackendData },
            };
        }
    }

    private static string? Other(string? data) => data is null ? null : """{"VNI":1,"VtepMAC":"0e:00:00:00:00:03"}""";

    private async Task<DataPlaneHarness> StartAsync(int number, string backend, bool addsPod = true)
    {
        DataPlaneHarness agent = await DataPlaneHarness.StartAsync(
            _cluster.Nodes[number - 1], number, _states[number - 1], backend, isDualStack: true);
        if (addsPod)
        {
            _pods.Add(TestPod.AddTo(_cluster.Nodes[number - 1], number));
        }

        return agent;
    }

    private void PingAll() => _pods[0].Shell(string.Create(
        CultureInfo.InvariantCulture,
        $"ping -q -c {Packets} -i 0.005 -W 2 10.244.2.2 && ping -q -c {Packets} -i 0.005 -W 2 fd00:10:244:2::2"));

    private int FramesToNode3()
    {
        JsonElement eth0 = _cluster.Nodes[2].ShellJson("ip -json -statistics link show eth0")[0];
        return eth0.GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt32();
    }
}

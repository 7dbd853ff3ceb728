using System.Globalization;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>
/// Every fault for every kind of node, with few peers and with many: the kernel is as before, and where one entry was
/// changed no other is touched.
/// </summary>
public sealed class FaultMatrixTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Theory]
    [InlineData("vxlan", true, false, 3)]
    [InlineData("vxlan", false, true, 3)]
    [InlineData("vxlan", true, true, 3)]
    [InlineData("host-gw", true, true, 3)]
    public Task What_others_do_is_put_back(string backend, bool hasIPv4, bool hasIPv6, int peers) =>
        RunAsync(new FaultyNode(backend, hasIPv4, hasIPv6, peers));

    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public Task What_others_do_to_a_thousand_peers_is_put_back(string backend) =>
        RunAsync(new FaultyNode(backend, HasIPv4: true, HasIPv6: true, Peers: 1000));

    private async Task RunAsync(FaultyNode faulty)
    {
        await using DataPlaneHarness agent = await faulty.StartAsync(Node, _state);
        await agent.SyncAsync(faulty.Leases);
        await agent.SettleAsync();
        Assert.DoesNotContain(agent.Log.Lines, static line => line.StartsWith("Warning", StringComparison.Ordinal));

        await ArePutBackAsync(agent, faulty.OfDevices());
        Node.Shell(faulty.Foreign);
        await agent.SettleAsync();
        await ArePutBackAsync(agent, faulty.OfEntries());
    }

    private async Task ArePutBackAsync(DataPlaneHarness agent, IEnumerable<Fault> faults)
    {
        string[] before = KernelState.Of(Node);
        foreach (Fault fault in faults)
        {
            double repaired = Repaired(agent);
            await using KernelWatch watch = new(Node);
            long start = TimeProvider.System.GetTimestamp();
            Node.Shell(fault.Command, fault.Input);

            string? difference = null;
            await Wait.Until(
                () => (difference = KernelState.Difference(before, KernelState.Of(Node))) is null,
                DataPlaneHarness.Soon,
                () => $"all is as before {fault}: {difference}");
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{TimeProvider.System.GetElapsedTime(start).TotalMilliseconds:0} ms {fault.Command.Split('\n')[0]}"));
            await agent.SettleAsync();
            await agent.InSyncAsync();
            Assert.Null(KernelState.Difference(before, KernelState.Of(Node)));
            if (fault.IsOfOneEntry)
            {
                Assert.Single(Touched(watch));
                Assert.Equal((fault, repaired + 1), (fault, Repaired(agent)));
            }
        }
    }

    // What becomes of addresses on the uplink is the kernel's own news.
    private IEnumerable<string> Touched(KernelWatch watch) => watch.Events
        .Where(e => e.Neighbour.LinkIndex != Node.Rtnl.GetLink("eth0").Index)
        .Select(static e => e.Kind switch
        {
            // A way to the gateway alone makes room for an IPv6 route that another one obstructs.
            RtnlEventKind.Route when e.Route.Destination.Length < 128 => $"Route {e.Route.Destination}",
            RtnlEventKind.Neighbour when e.Neighbour.State == NeighbourState.NUD_PERMANENT || e.IsDeleted =>
                $"Neighbour {e.Neighbour.Address}",
            RtnlEventKind.Fdb => $"Fdb {e.Fdb.Mac}",
            _ => "",
        })
        .Where(static key => key.Length > 0)
        .Distinct();

    private static double Repaired(DataPlaneHarness agent) => agent.Metrics.Render().Split('\n')
        .Where(static line => line.StartsWith("flannel_drift_repaired_total{", StringComparison.Ordinal))
        .Sum(static line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
}

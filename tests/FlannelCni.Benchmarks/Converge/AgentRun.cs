using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Converge;

/// <summary>
/// Our data plane in a process of its own, as the agent wires it, with leases from memory. Prints a figure a line.
/// </summary>
internal sealed class AgentRun(int peers)
{
    private const int WarmUpPeers = 1200;    // through nexthop objects, too
    private const int IdleRuns = 20;

    /// <summary>All of it, after one round for the compiler.</summary>
    internal async Task RunAsync(TextWriter output)
    {
        await new AgentRun(WarmUpPeers).MeasureAsync(TextWriter.Null);
        await MeasureAsync(output);
    }

    /// <summary>A first start alone, for a tracer to count its system calls.</summary>
    internal async Task StartOnlyAsync()
    {
        using TestCluster cluster = TestCluster.Create(1);
        using TestFolder state = new();
        await using DataPlaneHarness agent = await StartAsync(cluster, state);
        await ConvergeAsync(agent, LeasesOf(LargeCluster.Leases(peers)));
    }

    private async Task MeasureAsync(TextWriter output)
    {
        using TestCluster cluster = TestCluster.Create(1);
        using TestFolder state = new();
        ImmutableDictionary<string, Lease> leases = LeasesOf(LargeCluster.Leases(peers));
        await using (DataPlaneHarness agent = await StartAsync(cluster, state))
        {
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            Print(output, Figure.Initial, await ConvergeAsync(agent, leases));
            await agent.SettleAsync();
            Print(output, Figure.InitialProcessor, Environment.CpuUsage.TotalTime - processor);
        }

        await RestartAsync(cluster, state, leases, output);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Figure.PeakMemory} {PeakMemory()}"));
    }

    private async Task RestartAsync(
        TestCluster cluster, TestFolder state, ImmutableDictionary<string, Lease> leases, TextWriter output)
    {
        await using KernelWatch watch = new(cluster.Nodes[0]);
        await using DataPlaneHarness agent = await StartAsync(cluster, state);
        Print(output, Figure.Restart, await ConvergeAsync(agent, leases));
        await agent.SettleAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Figure.RestartWrites} {watch.Events.Count}"));

        await IdleAsync(agent, output);
        Lease[] changed = [.. Enumerable.Range(0, peers / 10).Select(static i => LargeCluster.LeaseOf(i * 10, 1))];
        LeaseTable table = new(leases.SetItems(changed.Select(static lease => KeyValuePair.Create(lease.Key, lease))));
        LeaseSnapshot news = new(agent.OwnLease(), table, [.. changed.Select(static lease => lease.Key)]);
        Print(output, Figure.Change, await TimeAsync(agent, () => agent.Inbox.Post(news)));
    }

    private static async Task IdleAsync(DataPlaneHarness agent, TextWriter output)
    {
        long allocated = GC.GetTotalAllocatedBytes();
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < IdleRuns; i++)
        {
            await TimeAsync(agent, agent.Inbox.PostFull);
        }

        Print(output, Figure.IdleProcessor, (Environment.CpuUsage.TotalTime - processor) / IdleRuns);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Figure.IdleAllocated} {(GC.GetTotalAllocatedBytes() - allocated) / IdleRuns}"));
    }

    private static ImmutableDictionary<string, Lease> LeasesOf(IEnumerable<Lease> leases) =>
        leases.ToImmutableDictionary(static lease => lease.Key);

    private static Task<DataPlaneHarness> StartAsync(TestCluster cluster, TestFolder state) =>
        DataPlaneHarness.StartAsync(cluster.Nodes[0], 1, state, network: LargeCluster.Network);

    /// <summary>From the first complete list of leases until all of it is in the kernel.</summary>
    private static Task<TimeSpan> ConvergeAsync(DataPlaneHarness agent, ImmutableDictionary<string, Lease> leases)
    {
        LeaseSnapshot snapshot = new(agent.OwnLease(), new LeaseTable(leases), Changed: null);
        return TimeAsync(agent, () => agent.Inbox.Post(snapshot));
    }

    private static async Task<TimeSpan> TimeAsync(DataPlaneHarness agent, Action cause)
    {
        DataPlaneStatus before = agent.Reconciler.Status;
        long start = Stopwatch.GetTimestamp();
        cause();
        while (agent.Reconciler.Status is { } status && (status == before || status.Trouble is not null))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    // VmHWM, in kB.
    private static long PeakMemory() => long.Parse(
        File.ReadLines("/proc/self/status").First(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    private static void Print(TextWriter output, Figure figure, TimeSpan time) => output.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{figure} {time.TotalMilliseconds}"));
}

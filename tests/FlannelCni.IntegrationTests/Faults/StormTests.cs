using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>
/// Three nodes, pods that ping each other, and faults drawn by lot at moments drawn by lot. FLANNEL_STORM_STEPS and
/// FLANNEL_STORM_SEEDS (<c>1-50</c>) make it longer; a failure names seed and step.
/// </summary>
public sealed class StormTests
{
    private const int MaxAtOnce = 3;
    private const int MaxPause = 400;    // ms

    private static readonly TimeSpan s_goal = TimeSpan.FromSeconds(1);
    private static readonly int s_steps = Number("FLANNEL_STORM_STEPS", 25);

    public static TheoryData<int> Seeds
    {
        get
        {
            string[] range = (Environment.GetEnvironmentVariable("FLANNEL_STORM_SEEDS") ?? "1-2").Split('-');
            (int first, int last) = (Parse(range[0]), Parse(range[^1]));
            return [.. Enumerable.Range(first, last - first + 1)];
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_happens_all_pods_reach_each_other_again(int seed)
    {
        await using StormCluster cluster = await StormCluster.StartAsync();
        string[][] before = cluster.State();
        Random random = new(seed);
        TimeSpan longest = TimeSpan.Zero;
        for (int step = 1; step <= s_steps; step++)
        {
            List<string> done = [];
            for (int i = random.Next(MaxAtOnce); i >= 0; i--)
            {
                done.Add(await cluster.DoAsync(random));
                await Task.Delay(
                    TimeSpan.FromMilliseconds(random.Next(MaxPause / MaxAtOnce)),
                    TimeProvider.System,
                    CancellationToken.None);
            }

            long start = TimeProvider.System.GetTimestamp();
            string? difference = null;
            await Wait.Until(
                () => (difference = cluster.Difference(before)) is null,
                DataPlaneHarness.Soon,
                () => $"all is as before step {step} of seed {seed}: {difference}\n{string.Join('\n', done)}"
                    + $"\n{cluster.Troubles()}");
            TimeSpan outage = TimeProvider.System.GetElapsedTime(start);
            longest = outage > longest ? outage : longest;
            if (outage > s_goal)
            {
                // The machine was busy, or there is something to look at.
                TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"step {step}: {outage.TotalMilliseconds:0} ms\n{string.Join('\n', done)}"));
            }

            await cluster.ReachEachOtherAsync($"step {step} of seed {seed}:\n{string.Join('\n', done)}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"seed {seed}: back after {longest.TotalMilliseconds:0} ms at the most"));
        cluster.AssertQuietLogs();
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? Parse(text) : otherwise;

    private static int Parse(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}

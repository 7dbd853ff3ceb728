namespace FlannelCni.TestKit;

/// <summary>
/// Three nodes, pods that ping each other, and faults drawn by lot at moments drawn by lot: after each few of them all
/// is as it was before, and all pods reach each other.
/// </summary>
/// <param name="seed">The same one, the same faults.</param>
internal sealed class DataPlaneStorm(int seed)
{
    private const int MaxAtOnce = 3;
    private const int MaxPause = 400;    // ms

    /// <summary>
    /// Fails at a step after which something is not as it was within five seconds, and names seed and step.
    /// </summary>
    /// <param name="onStep">Called after each.</param>
    internal async Task RunAsync(int steps, Action<StormStep> onStep)
    {
        await using Lateness lateness = new();
        await using StormCluster cluster = await StormCluster.StartAsync();
        string[][] before = cluster.State();
        HashSet<string>?[] glance = cluster.Glance();
        Random random = new(seed);
        for (int step = 1; step <= steps; step++)
        {
            string[] faults = await DoSomeAsync(cluster, random);
            string what = $"step {step} of seed {seed}:\n{string.Join('\n', faults)}";

            TimeSpan late = lateness.Total;
            long start = TimeProvider.System.GetTimestamp();
            await Wait.Until(() => cluster.IsAt(glance), DataPlaneHarness.Soon, Complaint);
            TimeSpan outage = TimeProvider.System.GetElapsedTime(start);
            if (cluster.Difference(before) is not null)
            {
                // The judge is iproute2.
                await Wait.Until(() => cluster.Difference(before) is null, DataPlaneHarness.Soon, Complaint);
                outage = TimeProvider.System.GetElapsedTime(start);
            }

            onStep(new StormStep(step, outage, lateness.Total - late, faults));

            string Complaint() =>
                $"all is as before {what}\n{cluster.Difference(before)}\n{cluster.Troubles()}";

            await cluster.ReachEachOtherAsync(what);
        }

        cluster.AssertQuietLogs();
    }

    private static async Task<string[]> DoSomeAsync(StormCluster cluster, Random random)
    {
        string[] done = new string[random.Next(MaxAtOnce) + 1];
        for (int i = 0; i < done.Length; i++)
        {
            done[i] = await cluster.DoAsync(random);
            await Task.Delay(
                TimeSpan.FromMilliseconds(random.Next(MaxPause / MaxAtOnce)),
                TimeProvider.System,
                CancellationToken.None);
        }

        return done;
    }
}

/// <summary>A step of a <see cref="DataPlaneStorm"/>.</summary>
/// <param name="Outage">From the last fault until all was as before.</param>
/// <param name="Late">What the machine, busy with something else, had of that.</param>
/// <param name="Faults">What was done, in words.</param>
internal readonly record struct StormStep(int Number, TimeSpan Outage, TimeSpan Late, IReadOnlyList<string> Faults);

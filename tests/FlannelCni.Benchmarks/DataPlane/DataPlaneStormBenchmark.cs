using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.DataPlane;

/// <summary>
/// <c>bench storm-dataplane [SEEDS [STEPS]]</c>: the data plane's storm of the tests, for seeds <c>1-20</c> unless told
/// otherwise; how long each step's faults were felt, and what they were where that was longer than promised.
/// </summary>
internal static class DataPlaneStormBenchmark
{
    private const int DefaultSteps = 25;

    private static readonly TimeSpan s_goal = TimeSpan.FromSeconds(1);

    /// <exception cref="Exception">Something did not come back; it says which seed and step.</exception>
    internal static async Task<int> RunAsync(string[] options, TextWriter output)
    {
        if (!TryRead(options, out int first, out int last, out int steps))
        {
            await output.WriteLineAsync("storm-dataplane takes seeds, such as 7 or 1-20, and a number of steps");
            return 2;
        }

        List<TimeSpan> all = [];
        for (int seed = first; seed <= last; seed++)
        {
            List<StormStep> done = [];
            await new DataPlaneStorm(seed).RunAsync(steps, done.Add);
            all.AddRange(done.Select(static step => step.Outage));
            await SayAsync(output, $"seed {seed,-6}", [.. done.Select(static step => step.Outage)]);
            foreach (StormStep slow in done.Where(static step => step.Outage > s_goal))
            {
                string faults = string.Join("\n    ", slow.Faults);
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  step {slow.Number}: {slow.Outage.TotalMilliseconds:0} ms, of which the machine made it wait "
                        + $"{slow.Late.TotalMilliseconds:0} ms\n    {faults}"));
            }
        }

        await SayAsync(output, "all        ", all);
        return 0;
    }

    private static Task SayAsync(TextWriter output, string what, List<TimeSpan> outages)
    {
        outages.Sort();
        return output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}{outages.Count,6} steps  p50 {Percentile(50),5:0} ms  p90 {Percentile(90),5:0} ms  "
                + $"p99 {Percentile(99),5:0} ms  max {Percentile(100),5:0} ms  "
                + $"{outages.Count(static outage => outage > s_goal)} beyond {s_goal.TotalSeconds:0} s"));

        double Percentile(int percent) =>
            outages.Count == 0 ? 0 : outages[(outages.Count - 1) * percent / 100].TotalMilliseconds;
    }

    private static bool TryRead(string[] options, out int first, out int last, out int steps)
    {
        string[] range = (options is [string seeds, ..] ? seeds : "1-20").Split('-');
        (last, steps) = (0, DefaultSteps);
        return int.TryParse(range[0], NumberStyles.None, CultureInfo.InvariantCulture, out first)
            && int.TryParse(range[^1], NumberStyles.None, CultureInfo.InvariantCulture, out last)
            && (options.Length < 2
                || int.TryParse(options[1], NumberStyles.None, CultureInfo.InvariantCulture, out steps))
            && range.Length <= 2 && first <= last && options.Length <= 2;
    }
}

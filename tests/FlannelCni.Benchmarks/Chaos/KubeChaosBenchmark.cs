using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Chaos;

/// <summary>
/// Faults of the Kubernetes API server, of its wire, of Nodes and of agents, one after the other: <c>./build.sh bench
/// kube-chaos [MINUTES [SEED]]</c>. Ends with an error at the first after which something is not as it should be.
/// </summary>
internal static class KubeChaosBenchmark
{
    private const int Agents = 4;

    // What is promised after a fault.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(15);

    internal static async Task<int> RunAsync(string[] options, TextWriter output)
    {
        if (!ChaosBenchmark.TryRead(options, 0, 15, out int minutes)
            || !ChaosBenchmark.TryRead(options, 1, Environment.TickCount, out int seed))
        {
            await output.WriteLineAsync("kube-chaos takes minutes and a seed, both whole numbers");
            return 2;
        }

        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"{Agents} nodes, one API server, {minutes} min of faults, seed {seed}"));
        await using KubeChaos chaos = await KubeChaos.StartAsync(Agents, seed, s_limit, output);
        try
        {
            await chaos.RunAsync(TimeSpan.FromMinutes(minutes));
        }
        catch (ChaosException e)
        {
            await output.WriteLineAsync(e.Message);
            return 1;
        }

        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{chaos.Rounds} faults; all tables right at most {chaos.Slowest.TotalSeconds:0.0} s after each"));
        return 0;
    }
}

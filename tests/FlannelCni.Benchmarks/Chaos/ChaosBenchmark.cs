using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Chaos;

/// <summary>
/// Faults of etcd, of its wires and of what is in it, one after the other: <c>./build.sh bench etcd-chaos [MINUTES
/// [SEED]]</c>. Ends with an error at the first after which the nodes are not as they should be.
/// </summary>
internal static class ChaosBenchmark
{
    private const int Agents = 12;

    // What is promised after a fault.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    internal static async Task<int> RunAsync(string[] options, TextWriter output)
    {
        if (!TryRead(options, 0, 15, out int minutes) || !TryRead(options, 1, Environment.TickCount, out int seed))
        {
            await output.WriteLineAsync("etcd-chaos takes minutes and a seed, both whole numbers");
            return 2;
        }

        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{Agents} nodes, etcd of three members, {minutes} min of faults, seed {seed}"));
        await using EtcdChaos chaos = await EtcdChaos.StartAsync(Agents, seed, s_limit, output);
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
            $"{chaos.Rounds} faults; all tables equal at most {chaos.Slowest.TotalSeconds:0.0} s after each"));
        return 0;
    }

    /// <summary>A whole number at that place of the command line.</summary>
    internal static bool TryRead(string[] options, int place, int otherwise, out int value)
    {
        value = otherwise;
        return options.Length <= place
            || int.TryParse(options[place], NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}

using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Cni;

/// <summary>
/// <c>bench cni [PODS]</c>: what ADD and DEL of a pod take, from starting the program to its end. Ours against
/// Debian's bridge plugin, which is given the configuration that ours renders; both run host-local. Each has a host
/// namespace and a bridge of its own, every pod a new namespace, and the two take turns.
/// </summary>
internal static class CniBenchmark
{
    private const int DefaultPods = 50;
    private const int WarmUps = 3;

    internal static int Run(string[] options, TextWriter output)
    {
        int pods = options is [string count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : DefaultPods;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{pods} pods, {Environment.ProcessorCount} processors, {Kernel()}; milliseconds"));
        Compare("IPv4", isDual: false, pods, output);
        Compare("dual stack", isDual: true, pods, output);
        return 0;
    }

    private static void Compare(string title, bool isDual, int pods, TextWriter output)
    {
        using TestFolder folder = new();
        using Contender ours = Contender.Ours(folder, isDual);
        using Contender peer = Contender.Peer(folder, isDual);
        Contender[] both = [ours, peer];
        Timings add = new();
        Timings delete = new();
        for (int pod = -WarmUps; pod < pods; pod++)
        {
            TakeTurns(both, pod, contender => contender.Add(pod), add);
        }

        for (int pod = -WarmUps; pod < pods; pod++)
        {
            TakeTurns(both, pod, contender => contender.Delete(pod), delete);
        }

        add.Print($"ADD, {title}", both, output);
        delete.Print($"DEL, {title}", both, output);
    }

    private static void TakeTurns(Contender[] both, int pod, Func<Contender, TimeSpan> action, Timings timings)
    {
        // Neither always comes first after the other.
        foreach (Contender contender in pod % 2 == 0 ? both : both.Reverse())
        {
            TimeSpan time = action(contender);
            if (pod >= 0)
            {
                timings.Add(contender, time);
            }
        }
    }

    private static string Kernel() => $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}";
}

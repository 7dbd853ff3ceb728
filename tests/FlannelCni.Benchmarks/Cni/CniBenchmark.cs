using System.Diagnostics;
using System.Globalization;
using FlannelCni.Benchmarks.Firewall;
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
    private const int AtOnce = 16;

    internal static int Run(string[] options, TextWriter output)
    {
        int pods = options is [string count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : DefaultPods;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{pods} pods, {Environment.ProcessorCount} processors, {Kernel()}; milliseconds"));
        CompareStarts(pods, output);
        Compare("IPv4", new Wishes(), pods, output);
        Compare("dual stack", new Wishes(IsDual: true), pods, output);
        Compare("IPv4, ipMasq", new Wishes(IsMasqueraded: true), pods, output);
        CompareAtOnce(pods, output);
        MeasureMemory(pods, output);
        return 0;
    }

    /// <summary>VERSION: a program that starts and ends.</summary>
    private static void CompareStarts(int count, TextWriter output)
    {
        using TestFolder folder = new();
        Contender[] both = [Contender.Ours(folder, new Wishes()), Contender.Peer(folder, new Wishes())];
        Timings start = new();
        for (int i = -WarmUps; i < count; i++)
        {
            TakeTurns(both, i, static contender => contender.Ask(), start);
        }

        start.Print("start to end (VERSION)", both, output);
        Dispose(both);
    }

    private static void Compare(string title, Wishes wishes, int pods, TextWriter output)
    {
        using TestFolder folder = new();
        Contender[] both = [Contender.Ours(folder, wishes), Contender.Peer(folder, wishes)];
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
        Dispose(both);
    }

    /// <summary>What a runtime waits for that starts many pods: until the last of them is attached.</summary>
    private static void CompareAtOnce(int pods, TextWriter output)
    {
        using TestFolder folder = new();
        Contender[] both = [Contender.Ours(folder, new Wishes()), Contender.Peer(folder, new Wishes())];
        Timings add = new();
        Timings delete = new();
        for (int round = -1; round < Math.Max(5, pods / 5); round++)
        {
            TakeTurns(both, round, contender => TimeAtOnce(contender.Add), add);
            TakeTurns(both, round, contender => TimeAtOnce(contender.Delete), delete);
        }

        add.Print($"{AtOnce} ADDs at once, IPv4, all", both, output);
        delete.Print($"{AtOnce} DELs at once, IPv4, all", both, output);
        Dispose(both);
    }

    private static void MeasureMemory(int pods, TextWriter output)
    {
        using TestFolder folder = new();
        using Contender ours = Contender.Ours(folder, new Wishes(IsDual: true, IsMasqueraded: true));
        using ChildMemory memory = new("flannel");
        for (int pod = 0; pod < pods; pod++)
        {
            _ = ours.Add(pod);
            _ = ours.Delete(pod);
        }

        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"peak resident memory of ours, dual stack, ipMasq: {memory.Megabytes:0.0} MB"));
    }

    private static TimeSpan TimeAtOnce(Func<int, TimeSpan> action)
    {
        Thread[] threads = [.. Enumerable.Range(0, AtOnce).Select(pod => new Thread(() => action(pod)))];
        long start = Stopwatch.GetTimestamp();
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        return Stopwatch.GetElapsedTime(start);
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

    private static void Dispose(Contender[] both)
    {
        foreach (Contender contender in both)
        {
            contender.Dispose();
        }
    }

    private static string Kernel() => $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}";
}

/// <summary>What a pod is to have.</summary>
/// <param name="IsDual">IPv6 beside IPv4.</param>
/// <param name="IsMasqueraded">By the plugin; theirs does it with iptables.</param>
internal sealed record Wishes(bool IsDual = false, bool IsMasqueraded = false);

using System.Collections;
using System.Globalization;
using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Converge;

/// <summary>
/// <c>bench converge [PEERS...]</c>: how long a vxlan node takes to learn of its peers. Ours, the batch tools of
/// iproute2 and one request at a time take turns; medians. Ours is compiled at run time here, in a warm-up before.
/// </summary>
internal static class ConvergeBenchmark
{
    private const int Rounds = 5;
    private static readonly int[] s_sizes = [100, 1000, 5000, 15_000];

    internal static async Task<int> RunAsync(string[] options, TextWriter output)
    {
        switch (options)
        {
            case ["--agent", string peers]:
                await new AgentRun(Number(peers)).RunAsync(output);
                return 0;
            case ["--start", string peers]:
                await new AgentRun(Number(peers)).StartOnlyAsync();
                return 0;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} processors, {Kernel()}, medians of {Rounds}; milliseconds unless said"));
        _ = Rivals.OneByOne(s_sizes[0]);    // for the compiler
        List<Measurement> all = [];
        foreach (int peers in options.Length == 0 ? s_sizes : [.. options.Select(Number)])
        {
            Measurement measurement = Measure(peers);
            measurement.Print(output);
            all.Add(measurement);
        }

        Measurement.PrintGrowth(all, output);
        return 0;
    }

    private static Measurement Measure(int peers)
    {
        Measurement measurement = new(peers);
        for (int round = 0; round < Rounds; round++)
        {
            measurement.Add(Figure.ToolsPlain, Rivals.Tools(peers, hasNexthops: false));
            measurement.Add(Figure.ToolsNexthops, Rivals.Tools(peers, hasNexthops: true));
            measurement.Add(Figure.OneByOne, Rivals.OneByOne(peers));
            foreach (string line in Self(["--agent"], peers).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] words = line.Split(' ');
                measurement.Add(
                    Enum.Parse<Figure>(words[0]), double.Parse(words[1], CultureInfo.InvariantCulture));
            }
        }

        measurement.Add(Figure.SocketCalls, CountSocketCalls(peers));
        return measurement;
    }

    private static double CountSocketCalls(int peers)
    {
        using TestFolder folder = new();
        string trace = folder.File("trace");
        Start(
            "/usr/bin/strace",
            ["-f", "-qq", "-e", "trace=sendto,sendmsg,recvfrom,recvmsg", "-e", "signal=none", "-o", trace,
                Environment.ProcessPath!, "converge", "--start", $"{peers}"]);
        return File.ReadLines(trace).Count(static line => !line.Contains("resumed>", StringComparison.Ordinal));
    }

    private static string Self(string[] options, int peers) =>
        Start(Environment.ProcessPath!, ["converge", .. options, $"{peers}"]);

    private static string Start(string program, string[] arguments)
    {
        using ChildProcess child = ChildProcess.Start(program, arguments, OwnEnvironment(), []);
        ChildResult result = child.Wait();
        return result.ExitStatus == 0
            ? Encoding.UTF8.GetString(result.Output)
            : throw new InvalidOperationException($"{program}: {Encoding.UTF8.GetString(result.Error)}");
    }

    private static string[] OwnEnvironment() =>
        [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(static v => $"{v.Key}={v.Value}")];

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string Kernel() => $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}";
}

using System.Diagnostics;
using System.Globalization;
using FlannelCni.TestKit.Cni;

namespace FlannelCni.Benchmarks.Cni;

/// <summary><c>bench storm [ROUNDS] [SEED]</c>: the storm of the tests, one seed after the other.</summary>
internal static class StormBenchmark
{
    private const int DefaultRounds = 20;
    private const int Pods = 64;

    /// <exception cref="Exception">Something was lost or left; the seed was printed before.</exception>
    internal static int Run(string[] options, TextWriter output)
    {
        int rounds = options is [string count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : DefaultRounds;
        int seed = options is [_, string first] ? int.Parse(first, CultureInfo.InvariantCulture) : 1;
        for (int round = 0; round < rounds; round++, seed++)
        {
            bool isMasqueraded = round % 2 == 1;
            output.Write(string.Create(
                CultureInfo.InvariantCulture, $"seed {seed,-5}{(isMasqueraded ? "ipMasq" : ""),-8}"));
            using CniHost host = new()
            {
                Delegate = isMasqueraded ? """{ "isDefaultGateway": true, "ipMasq": true }""" : CniHost.UsualDelegate,
            };
            Storm storm = new(host, seed);
            long start = Stopwatch.GetTimestamp();
            storm.Run(Pods);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{storm.Calls,6} calls{storm.Kills,6} killed{Stopwatch.GetElapsedTime(start).TotalSeconds,8:0.0} s"));
        }

        return 0;
    }
}

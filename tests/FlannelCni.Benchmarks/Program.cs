using FlannelCni.Benchmarks.Firewall;

namespace FlannelCni.Benchmarks;

/// <summary>Runs the benchmark named on the command line: <c>./build.sh bench NAME</c>.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["firewall", .. string[] options]:
                return FirewallBenchmark.Run(options, Console.Out);
            default:
                Console.Error.WriteLine(
                    args is [string name, ..] ? $"no benchmark is called {name}" : "which benchmark?");
                return 2;
        }
    }
}

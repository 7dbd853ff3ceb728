using FlannelCni.Benchmarks.Chaos;
using FlannelCni.Benchmarks.Cni;
using FlannelCni.Benchmarks.Converge;
using FlannelCni.Benchmarks.DataPlane;
using FlannelCni.Benchmarks.Firewall;
using FlannelCni.Benchmarks.KubeWatch;

namespace FlannelCni.Benchmarks;

/// <summary>Runs the benchmark named on the command line: <c>./build.sh bench NAME</c>.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["cni", .. string[] options]:
                return CniBenchmark.Run(options, Console.Out);
            case ["converge", .. string[] options]:
                return await ConvergeBenchmark.RunAsync(options, Console.Out);
            case ["etcd-chaos", .. string[] options]:
                return await ChaosBenchmark.RunAsync(options, Console.Out);
            case ["kube-chaos", .. string[] options]:
                return await KubeChaosBenchmark.RunAsync(options, Console.Out);
            case ["storm", .. string[] options]:
                return StormBenchmark.Run(options, Console.Out);
            case ["storm-dataplane", .. string[] options]:
                return await DataPlaneStormBenchmark.RunAsync(options, Console.Out);
            case ["fuzz", .. string[] options]:
                return FuzzRun.Run(options, Console.Out);
            case ["firewall", .. string[] options]:
                return FirewallBenchmark.Run(options, Console.Out);
            case ["kube-watch", .. string[] options]:
                return await KubeWatchBenchmark.RunAsync(options, Console.Out);
            default:
                string complaint = args is [string name, ..] ? $"no benchmark is called {name}" : "which benchmark?";
                Console.Error.WriteLine(complaint);
                return 2;
        }
    }
}

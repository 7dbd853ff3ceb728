using System.Globalization;
using System.Text;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Benchmarks.Firewall;

/// <summary>
/// A look at the rules, nothing to repair, on a node with as many foreign rules as kube-proxy makes of 2,500 Services:
/// the agent's three ways, and a program started for each rule, as upstream does it. Each way has a process and a
/// network namespace of its own.
/// </summary>
internal static class FirewallBenchmark
{
    private const int Services = 2500;    // four rules each

    internal static int Run(string[] options, TextWriter output)
    {
        if (options is ["way", string name])
        {
            output.WriteLine(FirewallWay.MeasureAsync(name).GetAwaiter().GetResult());
            return 0;
        }

        output.WriteLine($"{Services * 4} foreign rules of iptables; one family; no repair needed");
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{"a look at the rules",-34}{"time",10}{"CPU",10}{"programs",10}{"largest",12}{"put back",12}"));
        foreach (string way in FirewallWay.Names)
        {
            using ChildProcess child = ChildProcess.Start(
                "/usr/bin/unshare",
                ["--net", "--mount", "--propagation", "private", Environment.ProcessPath!, "firewall", "way", way],
                [$"PATH={Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin", $"DOTNET_ROOT={DotnetRoot}"],
                []);
            ChildResult result = child.Wait();
            output.Write(Encoding.UTF8.GetString(result.ExitStatus == 0 ? result.Output : result.Error));
        }

        return 0;
    }

    private static string DotnetRoot => Environment.GetEnvironmentVariable("DOTNET_ROOT")
        ?? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../.."));

    /// <summary>What kube-proxy writes for Services with one pod each, for iptables-restore.</summary>
    internal static string KubeProxyRules()
    {
        StringBuilder rules = new("*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n");
        for (int i = 0; i < Services; i++)
        {
            rules.Append(CultureInfo.InvariantCulture, $":KUBE-SVC-{i:X16} - [0:0]\n:KUBE-SEP-{i:X16} - [0:0]\n");
        }

        rules.Append("-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n");
        rules.Append("-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n");
        rules.Append("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n");
        for (int i = 0; i < Services; i++)
        {
            string ip = $"10.{96 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}";
            string pod = $"10.42.{i >> 8}.{i & 255}";
            string comment = $"-m comment --comment \"shop/service-{i}:http\"";
            rules.Append(CultureInfo.InvariantCulture, $"""
                -A KUBE-SERVICES -d {ip}/32 -p tcp {comment} -m tcp --dport 80 -j KUBE-SVC-{i:X16}
                -A KUBE-SVC-{i:X16} {comment} -j KUBE-SEP-{i:X16}
                -A KUBE-SEP-{i:X16} -s {pod}/32 {comment} -j KUBE-MARK-MASQ
                -A KUBE-SEP-{i:X16} -p tcp {comment} -m tcp -j DNAT --to-destination {pod}:8080

                """);
        }

        return rules.Append("COMMIT\n").ToString();
    }

    /// <summary>Runs a command in this process's namespaces.</summary>
    internal static string Shell(string command, string input = "") => TestKit.Shell.Run(command, input);
}

using System.Globalization;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>The agent as it is published, on a node of a cluster so large, with every peer in the kernel.</summary>
internal static class PublishedAgent
{
    private const string Name = "self";
    private const double TicksASecond = 100;    // USER_HZ
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_beating = TimeSpan.FromSeconds(8);

    internal static async Task MeasureAsync(int nodes, TextWriter output)
    {
        using TestCluster cluster = TestCluster.Create(1);
        TestNode node = cluster.Nodes[0];
        using TestFolder home = new();
        await using KubeApiServer server = await KubeApiServer.StartAsync(
            new KubeApiOptions { Node = node, BookmarkInterval = TimeSpan.FromMinutes(1) });
        server.Nodes.Add(NodeTemplate.Create(Name, "10.127.0.0/24", TestCluster.Address4(1).ToString()));
        for (int i = 0; i < nodes; i++)
        {
            server.Nodes.Add(FatNode.Create(i));
        }

        // What the server makes once of each Node is no agent's time.
        node.Shell(
            $"curl -s --cacert {server.CAFile} -H 'Authorization: Bearer {server.Token}' "
            + $"-H 'Accept: application/vnd.kubernetes.protobuf' -o {home.File("nodes")} {server.Url}/api/v1/nodes");
        using AgentProcess agent = Start(node, home, server);
        long start = TimeProvider.System.GetTimestamp();
        await Wait.Until(() => Routes(node) >= nodes, s_patience, () => $"{nodes} routes: {home.File("log")}");
        double complete = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        await Task.Delay(s_settling, TimeProvider.System, CancellationToken.None);
        double started = Processor(agent);

        using CancellationTokenSource over = new();
        Task<long> beating = Heartbeats.RunAsync(server, nodes, KubeWatchBenchmark.Beats, over.Token);
        await Task.Delay(s_beating, TimeProvider.System, CancellationToken.None);
        await over.CancelAsync();
        long beats = await beating;
        await Task.Delay(s_settling, TimeProvider.System, CancellationToken.None);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"agent at {nodes} nodes: start to all routes {complete:0.00} s, processor {started:0.00} s; "
            + $"{beats / s_beating.TotalSeconds:0} heartbeats a second, "
            + $"{(Processor(agent) - started) / beats * 1e6:0} us each; "
            + $"peak memory {Memory(agent, "VmHWM"):0.0} MiB, now {Memory(agent, "VmRSS"):0.0}"));
    }

    private static AgentProcess Start(TestNode node, TestFolder home, KubeApiServer server)
    {
        Directory.CreateDirectory(home.File("run"));
        Directory.CreateDirectory(home.File("lib"));
        server.WriteKubeconfig(home.File("kubeconfig"));
        File.WriteAllText(
            home.File("net-conf.json"),
            """{"Network":"10.64.0.0/10","EnableNFTables":true,"Backend":{"Type":"vxlan"}}""");
        return AgentProcess.Start(
            node,
            home.Path,
            $"--kube-subnet-mgr --kubeconfig-file={home.File("kubeconfig")} --ip-masq "
                + $"--net-config-path={home.File("net-conf.json")}",
            $"NODE_NAME={Name}",
            home.File("log"));
    }

    private static int Routes(TestNode node) => int.Parse(
        node.Shell("ip -4 route show dev flannel.1 2>/dev/null | wc -l"), CultureInfo.InvariantCulture);

    /// <summary>Seconds, in user and kernel.</summary>
    private static double Processor(AgentProcess agent)
    {
        agent.MustRun();

        // proc_pid_stat(5): utime and stime are fields 14 and 15, counted from the process id.
        string[] fields = File.ReadAllText($"/proc/{agent.Pid}/stat").Split(") ")[1].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksASecond;
    }

    private static double Memory(AgentProcess agent, string field) => Number(
        File.ReadLines($"/proc/{agent.Pid}/status")
            .First(line => line.StartsWith(field, StringComparison.Ordinal))
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}

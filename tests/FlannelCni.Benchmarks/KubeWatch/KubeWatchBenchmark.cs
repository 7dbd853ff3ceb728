using System.Globalization;
using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>
/// <c>bench kube-watch [NODES]</c>: what all nodes of a cluster cost an agent that lists them and then hears of their
/// heartbeats. The API server is this process; each client is one of its own: ours, and the same one reading and
/// discarding the same answers; at last the agent itself, as it is published.
/// </summary>
internal static class KubeWatchBenchmark
{
    /// <summary>Heartbeats a second.</summary>
    internal const int Beats = 500;

    private const int Rounds = 5;

    internal static async Task<int> RunAsync(string[] options, TextWriter output)
    {
        if (options is ["--client", string kubeconfig, string form, string way])
        {
            await new ClientRun(kubeconfig, form, way).RunAsync(output);
            return 0;
        }

        if (options is ["--agent", string size])
        {
            await PublishedAgent.MeasureAsync(int.Parse(size, CultureInfo.InvariantCulture), output);
            return 0;
        }

        int nodes = options is [string count] ? int.Parse(count, CultureInfo.InvariantCulture) : 5000;
        await using KubeApiServer server = await KubeApiServer.StartAsync(
            new KubeApiOptions { BookmarkInterval = TimeSpan.FromMinutes(1) });
        for (int i = 0; i < nodes; i++)
        {
            server.Nodes.Add(FatNode.Create(i));
        }

        using TestFolder folder = new();
        string file = folder.File("kubeconfig");
        server.WriteKubeconfig(file);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{nodes} nodes of {server.Nodes.Find(FatNode.NameOf(0))!.ToJsonString().Length} bytes of JSON, medians of"
            + $" {Rounds}; then {Beats} heartbeats a second; milliseconds"));
        foreach (string asked in (string[])["protobuf", "JSON"])
        {
            Compare(asked, nodes, file, server, output);
        }

        output.WriteLine();
        await PublishedAgent.MeasureAsync(10, output);
        await PublishedAgent.MeasureAsync(nodes, output);
        return 0;
    }

    private static void Compare(string form, int nodes, string kubeconfig, KubeApiServer server, TextWriter output)
    {
        // The first fills what the server keeps of each form.
        _ = Client([kubeconfig, form, "discard"], server, nodes);
        ClientFigures discard = Client([kubeconfig, form, "discard"], server, nodes);
        ClientFigures parse = Client([kubeconfig, form, "parse"], server, nodes);
        output.WriteLine();
        Line(
            $"{form}: list to complete table",
            parse.List,
            $"{parse.List / discard.List:0.00} of discarding");
        Line("  read and discarded", discard.List, "");
        Line(
            "  processor time",
            parse.ListProcessor,
            $"{parse.ListProcessor / discard.ListProcessor:0.00} of discarding");
        Line("a heartbeat, processor time, us", parse.Beat * 1000, "");
        Line("  read and discarded, us", discard.Beat * 1000, "");

        void Line(string title, double value, string remark) => output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  {title,-36}{value,10:0.0}  {remark}"));
    }

    /// <summary>Runs a client, and makes hearts beat as soon as it says that it has listed.</summary>
    private static ClientFigures Client(string[] options, KubeApiServer server, int nodes)
    {
        using ChildProcess child = ChildProcess.Start(
            Environment.ProcessPath!,
            ["kube-watch", "--client", .. options],
            [.. ProcessEnvironment.Variables()],
            []);
        using CancellationTokenSource over = new();
        Task<long> beating = Task.FromResult(0L);
        _ = child.WaitForOutput(output =>
        {
            if (Encoding.ASCII.GetString(output).Contains("watching", StringComparison.Ordinal))
            {
                beating = Heartbeats.RunAsync(server, nodes, Beats, over.Token);
                return true;
            }

            return false;
        });
        ChildResult result = child.Wait();
        over.Cancel();
        _ = beating.GetAwaiter().GetResult();
        return result.ExitStatus == 0
            ? ClientFigures.Read(Encoding.ASCII.GetString(result.Output))
            : throw new InvalidOperationException(Encoding.UTF8.GetString(result.Error));
    }
}

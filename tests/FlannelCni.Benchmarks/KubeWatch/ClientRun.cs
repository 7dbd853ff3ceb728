using System.Diagnostics;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using FlannelCni.Agent.Leases.Kubernetes.Client.Watching;
using Microsoft.Extensions.Logging.Abstractions;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>A client in a process of its own: lists some times, then hears of heartbeats.</summary>
/// <param name="form">protobuf or JSON.</param>
/// <param name="way">parse or discard.</param>
internal sealed class ClientRun(string kubeconfig, string form, string way)
{
    private const int Lists = 6;    // the first is for the compiler
    private static readonly AnnotationNames s_names = AnnotationNames.Of("flannel.alpha.coreos.com");
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_watching = TimeSpan.FromSeconds(8);

    private readonly NodeFormat _format = new(s_names, form == "JSON");

    internal async Task RunAsync(TextWriter output)
    {
        KubeAccess access = KubeAccessFinder.Find(
            null, kubeconfig, new Dictionary<string, string>(), "", TimeProvider.System);
        using KubeTransport transport = new(access, TimeProvider.System);
        List<(double Time, double Processor)> lists = [];
        string seen = "";
        for (int i = 0; i < Lists; i++)
        {
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            seen = way == "parse" ? await ListAsync(transport) : await DiscardAsync(transport, "?resourceVersion=0");
            double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            lists.Add((time, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds));
        }

        lists.RemoveAt(0);
        using CancellationTokenSource stop = new();
        Task watching = WatchAsync(transport, seen, stop.Token);
        output.WriteLine("watching");
        output.Flush();
        await Task.Delay(s_settling, TimeProvider.System, CancellationToken.None);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        await Task.Delay(s_watching, TimeProvider.System, CancellationToken.None);
        double beat = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds
            / (KubeWatchBenchmark.Beats * s_watching.TotalSeconds);
        await stop.CancelAsync();
        try
        {
            await watching;
        }
        catch (OperationCanceledException)
        {
            // As asked.
        }

        output.WriteLine(new ClientFigures(
            Median(lists.Select(static list => list.Time)),
            Median(lists.Select(static list => list.Processor)),
            beat).Line);
    }

    private async Task<string> ListAsync(KubeTransport transport)
    {
        NodeTable book = new();
        NodeLister lister = new(transport, _format, book, NullLogger.Instance);
        NodeList list = await lister.AnyAsync(CancellationToken.None);
        book.Replace(list.Nodes);
        _ = book.Take();
        return list.ResourceVersion;
    }

    private async Task WatchAsync(KubeTransport transport, string seen, CancellationToken cancellationToken)
    {
        if (way != "parse")
        {
            _ = await DiscardAsync(transport, "?watch=true", cancellationToken);
            return;
        }

        NodeTable book = new();
        NodeWatcher watcher = new(transport, _format, book, NullLogger.Instance) { Seen = seen };
        _ = await watcher.FollowAsync(static () => { }, static () => { }, cancellationToken);
    }

    private async Task<string> DiscardAsync(
        KubeTransport transport, string query, CancellationToken cancellationToken = default)
    {
        KubeRequest request = new(HttpMethod.Get, "discard", "api/v1/nodes" + query)
        {
            Accept = _format.Accept,
            Timeout = TimeSpan.FromMinutes(1),
        };
        using KubeResponse response = await transport.SendAsync(request, cancellationToken);
        while (await response.Body.FillAsync())
        {
            response.Body.Consume(response.Body.Data.Length);
        }

        return "0";
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}

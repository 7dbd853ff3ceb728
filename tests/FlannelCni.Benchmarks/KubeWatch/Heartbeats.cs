using System.Globalization;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>Kubelets that say once in a while that they are alive: a Node's status changes in a time only.</summary>
internal static class Heartbeats
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(10);

    /// <summary>So many a second, evenly, until cancelled.</summary>
    /// <returns>How many there were.</returns>
    internal static async Task<long> RunAsync(
        KubeApiServer server, int nodes, int rate, CancellationToken cancellationToken)
    {
        // Another time than any run before has written: what changes nothing is no event.
        DateTimeOffset first = TimeProvider.System.GetUtcNow();
        long start = TimeProvider.System.GetTimestamp();
        long beat;
        for (beat = 0; !cancellationToken.IsCancellationRequested; beat++)
        {
            TimeSpan due = TimeSpan.FromSeconds((double)beat / rate);
            if (TimeProvider.System.GetElapsedTime(start) < due)
            {
                await Task.Delay(s_step, TimeProvider.System, CancellationToken.None);
            }

            string time = first.AddSeconds(beat)
                .ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            server.Nodes.UpdateStatus(
                FatNode.NameOf((int)(beat % nodes)),
                node => node["status"]!["conditions"]![1]!["lastHeartbeatTime"] = time);
        }

        return beat;
    }
}

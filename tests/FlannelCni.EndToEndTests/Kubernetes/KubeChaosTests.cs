using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Kubernetes;

/// <summary>The short form of <c>./build.sh bench kube-chaos</c>, always the same faults in the same order.</summary>
public sealed class KubeChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task After_each_of_many_faults_all_tables_are_right_and_no_pod_has_lost_a_packet()
    {
        await using StringWriter lines = new(CultureInfo.InvariantCulture);
        try
        {
            await using KubeChaos chaos = await KubeChaos.StartAsync(
                agents: 3, seed: 7, limit: TimeSpan.FromSeconds(60), lines);
            await chaos.RunAsync(TimeSpan.FromSeconds(50));
        }
        finally
        {
            output.WriteLine(lines.ToString());
        }
    }
}

using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>The short form of <c>./build.sh bench etcd-chaos</c>, always the same faults in the same order.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task After_each_of_many_faults_all_know_the_same_and_nobody_has_let_go_of_who_lives()
    {
        await using StringWriter lines = new(CultureInfo.InvariantCulture);
        try
        {
            await using EtcdChaos chaos = await EtcdChaos.StartAsync(
                agents: 8, seed: 7, limit: TimeSpan.FromSeconds(15), lines);
            await chaos.RunAsync(TimeSpan.FromSeconds(40));
        }
        finally
        {
            output.WriteLine(lines.ToString());
        }
    }
}

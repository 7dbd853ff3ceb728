using System.Globalization;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>A short storm; a long one is <c>./build.sh bench storm-dataplane</c>.</summary>
public sealed class StormTests
{
    private const int Steps = 25;

    private static readonly TimeSpan s_goal = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whatever_happens_all_pods_reach_each_other_again(int seed)
    {
        List<StormStep> steps = [];

        await new DataPlaneStorm(seed).RunAsync(Steps, steps.Add);

        // The machine was busy, or there is something to look at.
        foreach (StormStep slow in steps.Where(static step => step.Outage > s_goal))
        {
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"step {slow.Number}: {slow.Outage.TotalMilliseconds:0} ms, {slow.Late.TotalMilliseconds:0} ms late\n"
                    + $"{string.Join('\n', slow.Faults)}"));
        }

        Assert.Equal(Steps, steps.Count);
    }
}

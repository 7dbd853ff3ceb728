using FlannelCni.Agent.DataPlane;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.DataPlane;

public sealed class LogThrottleTests
{
    private readonly ManualTime _time = new();
    private readonly LogThrottle _throttle;

    public LogThrottleTests() => _throttle = new LogThrottle(_time, burst: 3, TimeSpan.FromSeconds(10));

    [Fact]
    public void After_a_burst_one_line_an_interval_passes_and_tells_of_the_others()
    {
        Assert.Equal([0, 0, 0, null, null], Enumerable.Range(0, 5).Select(_ => Pass()));

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal([2, null], Enumerable.Range(0, 2).Select(_ => Pass()));
    }

    [Fact]
    public void A_quiet_time_allows_a_whole_burst_and_no_more()
    {
        while (Pass() is not null)
        {
        }

        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal([1, 0, 0, null], Enumerable.Range(0, 4).Select(_ => Pass()));
    }

    private int? Pass() => _throttle.TryPass(out int heldBack) ? heldBack : null;
}

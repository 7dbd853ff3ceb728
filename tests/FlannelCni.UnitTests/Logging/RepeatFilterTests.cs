using FlannelCni.Agent.Logging;

namespace FlannelCni.UnitTests.Logging;

public sealed class RepeatFilterTests
{
    private readonly ManualTime _time = new();
    private readonly RepeatFilter _filter;

    public RepeatFilterTests() => _filter = new RepeatFilter(_time);

    [Fact]
    public void The_first_five_of_a_minute_pass_and_the_next_minute_says_how_many_did_not()
    {
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => _filter.ShouldWrite("again", out string _)));

        _time.Now += TimeSpan.FromSeconds(61);

        Assert.True(_filter.ShouldWrite("again", out string unsaid));
        Assert.Equal(" (and 15 times since, held back)", unsaid);
    }

    [Fact]
    public void Other_texts_pass()
    {
        Assert.All(Enumerable.Range(0, 2000), i => Assert.True(_filter.ShouldWrite($"text {i}", out string _)));
    }

    [Fact]
    public void What_comes_seldom_passes_as_it_is()
    {
        for (int i = 0; i < 10; i++)
        {
            Assert.True(_filter.ShouldWrite("seldom", out string unsaid));
            Assert.Equal("", unsaid);
            _time.Now += TimeSpan.FromMinutes(2);
        }
    }

    private sealed class ManualTime : TimeProvider
    {
        internal TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}

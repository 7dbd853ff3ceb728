using FlannelCni.Agent.Supervision;

namespace FlannelCni.UnitTests.Supervision;

public sealed class FaultLogTests
{
    private readonly StoppedClock _clock = new();
    private readonly FaultLog _faults;

    public FaultLogTests() => _faults = new FaultLog(_clock);

    [Fact]
    public void A_week_of_one_fault_is_some_thousand_lines_at_most()
    {
        List<int> saidAt = [];
        for (int second = 0; second < 7 * 24 * 3600; second += 5)
        {
            if (_faults.Occurred("refused"))
            {
                saidAt.Add(second);
            }

            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal([0, 10, 30, 70, 150, 310, 630, 1230, 1830], saidAt.Take(9));
        Assert.InRange(saidAt.Count, 1000, 1020);
    }

    [Fact]
    public void Each_cause_is_said_once_though_they_alternate()
    {
        Assert.True(_faults.Occurred("one"));
        Assert.True(_faults.Occurred("two"));
        Assert.False(_faults.Occurred("one"));
        Assert.False(_faults.Occurred("two"));
    }

    [Fact]
    public void A_fault_that_returns_is_said_again()
    {
        _faults.Occurred("one");
        _faults.Over();

        Assert.False(_faults.IsFaulty);
        Assert.True(_faults.Occurred("one"));
    }

    [Fact]
    public void A_pause_doubles_up_to_the_longest_and_is_never_less_than_half()
    {
        Backoff backoff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), _clock);
        int[] whole = [100, 200, 400, 800, 1600, 3200, 5000, 5000];

        foreach (int milliseconds in whole)
        {
            Assert.InRange(backoff.Next().TotalMilliseconds, milliseconds / 2, milliseconds);
        }

        backoff.Reset();

        Assert.InRange(backoff.Next().TotalMilliseconds, 50, 100);
    }

    private sealed class StoppedClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        internal void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}

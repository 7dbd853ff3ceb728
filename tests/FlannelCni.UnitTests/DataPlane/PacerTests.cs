using FlannelCni.Agent.DataPlane;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.DataPlane;

public sealed class PacerTests
{
    private readonly ManualTime _time = new();
    private readonly Pacer _pacer;

    public PacerTests() => _pacer = new Pacer(_time);

    [Fact]
    public void Without_trouble_there_is_no_pause() => Assert.Equal(0, Pause(hadTrouble: false));

    [Fact]
    public void Trouble_after_trouble_is_answered_more_slowly_down_to_five_times_a_second() => Assert.Equal(
        [10, 20, 40, 80, 160, 200, 200, 200], Enumerable.Range(0, 8).Select(_ => Pause(hadTrouble: true)));

    [Fact]
    public void Between_troubles_others_wait_as_long()
    {
        Pause(hadTrouble: true);
        Pause(hadTrouble: true);

        Assert.Equal(20, Pause(hadTrouble: false));
    }

    [Fact]
    public void A_quiet_time_forgives_all()
    {
        for (int i = 0; i < 10; i++)
        {
            Pause(hadTrouble: true);
        }

        _time.Advance(TimeSpan.FromSeconds(5.1));

        Assert.Equal(0, Pause(hadTrouble: false));
        Assert.Equal(10, Pause(hadTrouble: true));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(25, 100)]
    [InlineData(300, 500)]
    [InlineData(3000, 3000)]
    public void Long_runs_are_spaced(int length, int pause) => Assert.Equal(pause, Pause(hadTrouble: false, length));

    [Fact]
    public async Task The_token_ends_a_pause()
    {
        using CancellationTokenSource stop = new();
        Task pause = _pacer.PauseAsync(hadTrouble: true, TimeSpan.Zero, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pause);
    }

    private int Pause(bool hadTrouble, int length = 0)
    {
        Task pause = _pacer.PauseAsync(hadTrouble, TimeSpan.FromMilliseconds(length), CancellationToken.None);
        TimeSpan wait = _time.NextTimer ?? TimeSpan.Zero;
        _time.Advance(wait);
        Assert.True(pause.IsCompletedSuccessfully);
        return (int)wait.TotalMilliseconds;
    }
}

using FlannelCni.Agent.Supervision;

namespace FlannelCni.UnitTests.Supervision;

public sealed class SupervisedTests
{
    [Fact]
    public async Task A_loop_that_fails_ends_the_others_and_is_the_failure()
    {
        bool isOtherEnded = false;

        FormatException e = await Assert.ThrowsAsync<FormatException>(() => Supervised.RunAllAsync(
            [
                ("other", async token =>
                {
                    try
                    {
                        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                    }
                    finally
                    {
                        isOtherEnded = true;
                    }
                }),
                ("failing", static async _ =>
                {
                    await Task.Yield();
                    throw new FormatException("broken");
                }),
            ],
            TestContext.Current.CancellationToken));

        Assert.Equal("broken", e.Message);
        Assert.True(isOtherEnded);
    }

    [Fact]
    public async Task A_loop_that_returns_of_itself_is_named()
    {
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => Supervised.RunAllAsync(
            [("endless", Endless), ("short", static _ => Task.CompletedTask)], TestContext.Current.CancellationToken));

        Assert.Equal("the loop \"short\" ended of itself", e.Message);
    }

    [Fact]
    public async Task The_token_ends_all_without_a_failure()
    {
        using CancellationTokenSource stop = new();
        Task all = Supervised.RunAllAsync(
            [("endless", Endless), ("obedient", static async token => await Task.WhenAny(Endless(token)))], stop.Token);

        await stop.CancelAsync();

        await all;
    }

    [Fact]
    public async Task A_cancellation_that_nobody_asked_for_is_a_failure() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Supervised.RunAllAsync(
            [("endless", Endless), ("confused", static _ => throw new OperationCanceledException("timed out"))],
            TestContext.Current.CancellationToken));

    private static Task Endless(CancellationToken token) =>
        Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
}

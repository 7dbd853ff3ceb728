using System.Diagnostics;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>Waits for what will be true soon, without a fixed sleep.</summary>
public static class Wait
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(KernelTrait.IsGuest ? 50 : 5);
    private static readonly int s_slowness = KernelTrait.IsGuest ? 8 : 1;

    /// <summary>Looks until <paramref name="condition"/> holds; at <paramref name="timeout"/> the test fails.</summary>
    /// <param name="timeout">On a machine; in the guest it is several times longer.</param>
    /// <param name="because">What was waited for: <c>the route comes back</c>.</param>
    public static Task Until(Func<bool> condition, TimeSpan timeout, string because) =>
        Until(() => Task.FromResult(condition()), timeout, because);

    /// <inheritdoc cref="Until(Func{bool}, TimeSpan, string)"/>
    public static Task Until(Func<Task<bool>> condition, TimeSpan timeout, string because) =>
        Until(condition, timeout, () => because);

    /// <inheritdoc cref="Until(Func{bool}, TimeSpan, string)"/>
    /// <param name="because">Asked for when the time is over, as it tells what there is then.</param>
    public static Task Until(Func<bool> condition, TimeSpan timeout, Func<string> because) =>
        Until(() => Task.FromResult(condition()), timeout, because);

    /// <inheritdoc cref="Until(Func{bool}, TimeSpan, Func{string})"/>
    public static async Task Until(Func<Task<bool>> condition, TimeSpan timeout, Func<string> because)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan limit = timeout * s_slowness;
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(start) > limit)
            {
                Assert.Fail($"after {limit.TotalSeconds} s still not true that {because()}");
            }

            await Task.Delay(s_interval, TimeProvider.System, CancellationToken.None);
        }
    }
}

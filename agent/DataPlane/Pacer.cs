namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// How long to wait between two runs. The first repair after a quiet time is immediate; somebody who undoes each one
/// is answered more and more slowly, up to twice a second, so that neither of the two can spin the other.
/// </summary>
internal sealed class Pacer(TimeProvider time)
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(5);

    private TimeSpan _pause;
    private long _lastTrouble;

    /// <summary>Call after each run, before the next.</summary>
    /// <param name="hadTrouble">It had to repair something, or failed.</param>
    public Task PauseAsync(bool hadTrouble, CancellationToken cancellationToken)
    {
        long now = time.GetTimestamp();
        if (hadTrouble)
        {
            TimeSpan doubled = _pause * 2;
            _pause = doubled < s_shortest ? s_shortest : doubled > s_longest ? s_longest : doubled;
            _lastTrouble = now;
        }
        else if (time.GetElapsedTime(_lastTrouble, now) > s_quiet)
        {
            _pause = TimeSpan.Zero;
        }

        return _pause == TimeSpan.Zero ? Task.CompletedTask : Task.Delay(_pause, time, cancellationToken);
    }
}

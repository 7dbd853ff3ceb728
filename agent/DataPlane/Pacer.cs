namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// How long to wait between two runs. The first repair after a quiet time is immediate; somebody who undoes each one
/// is answered more and more slowly, down to five times a second, so that neither of the two can spin the other. Long
/// runs are spaced by their length, so that no storm of notifications makes them a whole processor's work. Whatever
/// has happened before, a pause is short against the second within which what is announced is repaired.
/// </summary>
internal sealed class Pacer(TimeProvider time)
{
    private const int LengthsBetweenRuns = 4;

    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestAfterTrouble = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(5);

    private TimeSpan _pause;
    private long _lastTrouble;

    /// <summary>Call after each run, before the next.</summary>
    /// <param name="hadTrouble">It had to repair something, or failed.</param>
    /// <param name="length">Processor time that the run took: on a busy machine it waits long enough as it is.</param>
    public Task PauseAsync(bool hadTrouble, TimeSpan length, CancellationToken cancellationToken)
    {
        long now = time.GetTimestamp();
        if (time.GetElapsedTime(_lastTrouble, now) > s_quiet)
        {
            _pause = TimeSpan.Zero;
        }

        if (hadTrouble)
        {
            _pause = Shorter(Longer(_pause * 2, s_shortest), s_longestAfterTrouble);
            _lastTrouble = now;
        }

        TimeSpan pause = Longer(Shorter(Longer(_pause, length * LengthsBetweenRuns), s_longest), length);
        return pause < s_shortest ? Task.CompletedTask : Task.Delay(pause, time, cancellationToken);
    }

    private static TimeSpan Shorter(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private static TimeSpan Longer(TimeSpan left, TimeSpan right) => left > right ? left : right;
}

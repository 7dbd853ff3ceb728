namespace FlannelCni.Agent.Supervision;

/// <summary>
/// The pause between two tries: doubled each time up to a longest, of which a random half to whole is waited, so that
/// agents that failed together do not come back together. One owner.
/// </summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, TimeProvider time)
{
    private int _doubled;

    /// <summary>From 100 ms to 5 s.</summary>
    internal static Backoff ForRequests(TimeProvider time) =>
        new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), time);

    /// <summary>After a success.</summary>
    internal void Reset() => _doubled = 0;

    internal Task WaitAsync(CancellationToken cancellationToken) => Task.Delay(Next(), time, cancellationToken);

    internal TimeSpan Next()
    {
        TimeSpan whole = first * Math.Pow(2, _doubled);
        if (whole < longest)
        {
            _doubled++;
        }

        return (whole < longest ? whole : longest) * (0.5 + (Random.Shared.NextDouble() / 2));
    }
}

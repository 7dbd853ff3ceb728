using System.Globalization;

namespace FlannelCni.Agent.Logging;

/// <summary>
/// Holds back a text that is said over and over: after some times within a minute it waits for the next minute, and
/// then says how often it was held back. Any thread.
/// </summary>
internal sealed class RepeatFilter(TimeProvider time)
{
    private const int Burst = 5;
    private const int MaxTexts = 512;

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Seen> _seen = new(StringComparer.Ordinal);

    /// <param name="unsaid">To be added to the text: empty, or how often it was held back.</param>
    internal bool ShouldWrite(string text, out string unsaid)
    {
        unsaid = "";
        long now = time.GetTimestamp();
        lock (_lock)
        {
            if (!_seen.TryGetValue(text, out Seen? seen))
            {
                Forget(now);
                _seen[text] = new Seen { Since = now, Count = 1 };
                return true;
            }

            if (time.GetElapsedTime(seen.Since, now) < s_window)
            {
                return ++seen.Count <= Burst;
            }

            int heldBack = Math.Max(0, seen.Count - Burst);
            _seen[text] = new Seen { Since = now, Count = 1 };
            unsaid = heldBack == 0
                ? ""
                : string.Create(CultureInfo.InvariantCulture, $" (and {heldBack} times since, held back)");
            return true;
        }
    }

    // Only when there are many, for it looks at all.
    private void Forget(long now)
    {
        if (_seen.Count < MaxTexts)
        {
            return;
        }

        foreach ((string text, Seen seen) in _seen)
        {
            if (time.GetElapsedTime(seen.Since, now) >= s_window)
            {
                _seen.Remove(text);
            }
        }

        if (_seen.Count >= MaxTexts)
        {
            _seen.Clear();
        }
    }

    private sealed class Seen
    {
        internal long Since { get; init; }

        internal int Count { get; set; }
    }
}

namespace FlannelCni.Agent.Supervision;

/// <summary>
/// Which of a fault's repetitions are worth a line: the first of each cause, then one after 10 s, 20 s, 40 s and so on,
/// at last every 10 minutes. A datastore that is away for a week must not fill the disk. One owner.
/// </summary>
internal sealed class FaultLog(TimeProvider time)
{
    private const int MaxCauses = 16;

    private static readonly TimeSpan s_firstInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromMinutes(10);

    private readonly HashSet<string> _causes = new(StringComparer.Ordinal);
    private TimeSpan _interval;
    private long _began;
    private long _said;

    /// <summary>Is there a fault that was said and is not over?</summary>
    internal bool IsFaulty => _causes.Count > 0;

    /// <summary>Since the first occurrence.</summary>
    internal TimeSpan Duration => time.GetElapsedTime(_began);

    /// <summary>Notes an occurrence; true: say it.</summary>
    internal bool Occurred(string cause)
    {
        if (_causes.Count == 0)
        {
            _began = time.GetTimestamp();
            _interval = s_firstInterval;
        }
        else if (_causes.Contains(cause) || _causes.Count >= MaxCauses)
        {
            if (time.GetElapsedTime(_said) < _interval)
            {
                return false;
            }

            _interval = _interval * 2 < s_longestInterval ? _interval * 2 : s_longestInterval;
        }

        _causes.Add(cause);
        _said = time.GetTimestamp();
        return true;
    }

    /// <summary>It works again.</summary>
    internal void Over() => _causes.Clear();
}

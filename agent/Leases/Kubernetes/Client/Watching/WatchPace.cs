using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>
/// How long to wait before the server is asked again: little where nobody answers, which costs nobody anything, and
/// more where it answers and has enough to do. A watch that lasts makes up for all that went before. One owner.
/// </summary>
internal sealed class WatchPace(TimeProvider time)
{
    // Of watches in a row that end as soon as they begin, each so manieth is a reason for a list, which is what costs
    // the server most. One that is just starting or stopping takes a watch and ends it at once.
    private const int MaxBrief = 3;

    private static readonly TimeSpan s_lasting = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromMinutes(1);

    private readonly Backoff _whileAway = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2), time);
    private readonly Backoff _whileRefused = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), time);

    private long? _opened;    // when the watch was; null: it is not
    private bool _hasRead;    // something from it
    private int _brief;       // watches since one that lasted

    /// <summary>A watch is.</summary>
    internal void Opened() => (_opened, _hasRead) = (time.GetTimestamp(), false);

    /// <summary>Something was, from the watch.</summary>
    internal void Read()
    {
        _hasRead = true;
        _whileAway.Reset();
    }

    /// <summary>After the server has ended a watch.</summary>
    /// <param name="isDoubtful">It had said nothing, and ended as soon as it began.</param>
    /// <param name="mustList">There were too many of these.</param>
    internal TimeSpan AfterEnd(out bool isDoubtful, out bool mustList)
    {
        bool hasLasted = HasLasted();
        isDoubtful = !hasLasted && !_hasRead;
        mustList = isDoubtful && ++_brief % MaxBrief == 0;
        return hasLasted ? TimeSpan.Zero : (isDoubtful ? _whileRefused : _whileAway).Next();
    }

    /// <summary>Before a list, since the server no longer has the version that a watch was to begin at.</summary>
    internal TimeSpan AfterGone()
    {
        _ = HasLasted();
        return ++_brief > 1 ? _whileRefused.Next() : TimeSpan.Zero;
    }

    /// <summary>After a request that has failed, or a watch that has.</summary>
    internal TimeSpan AfterFault(KubeApiException e)
    {
        _ = HasLasted();
        TimeSpan pause = (e.IsUnreachable ? _whileAway : _whileRefused).Next();
        return e.RetryAfter is not { } asked || asked <= pause ? pause
            : (asked < s_longestAsked ? asked : s_longestAsked) + (pause / 2);
    }

    private bool HasLasted()
    {
        bool hasLasted = _opened is { } opened && time.GetElapsedTime(opened) >= s_lasting;
        _opened = null;
        if (hasLasted)
        {
            _brief = 0;
            _whileAway.Reset();
            _whileRefused.Reset();
        }

        return hasLasted;
    }
}

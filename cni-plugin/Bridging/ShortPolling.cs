using FlannelCni.Linux.Processes;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Waits for what takes the kernel a fraction of a millisecond, rarely more.</summary>
internal sealed class ShortPolling(TimeSpan timeout)
{
    private static readonly TimeSpan s_first = TimeSpan.FromMicroseconds(50);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(10);

    private TimeSpan _pause = s_first;
    private TimeSpan _waited;

    /// <returns>False: the time is up.</returns>
    internal bool Wait()
    {
        if (_waited >= timeout)
        {
            return false;
        }

        Pause.For(_pause);
        _waited += _pause;
        _pause = _pause * 2 < s_longest ? _pause * 2 : s_longest;
        return true;
    }
}

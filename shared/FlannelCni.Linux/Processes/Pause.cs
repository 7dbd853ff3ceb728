using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Processes;

/// <summary>
/// Holds a program of one thread up, where the kernel has no notification to wait for. Not for the agent: nothing can
/// cancel it.
/// </summary>
public static class Pause
{
    /// <summary>Sleeps; a signal ends it early. The kernel adds some 50 microseconds.</summary>
    public static void For(TimeSpan time)
    {
        TimeSpec request = new()
        {
            Seconds = time.Ticks / TimeSpan.TicksPerSecond,
            Nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
        };
        _ = Libc.nanosleep(request, 0);
    }
}

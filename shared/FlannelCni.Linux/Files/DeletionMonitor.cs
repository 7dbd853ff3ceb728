using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Tells when something disappears from a folder: deleted, or moved away (inotify).</summary>
public sealed class DeletionMonitor : IDisposable
{
    private readonly SafeFd _events;
    private readonly SafeFd _wakeUp;

    private DeletionMonitor(SafeFd events, SafeFd wakeUp)
    {
        _events = events;
        _wakeUp = wakeUp;
    }

    /// <summary>From here on nothing is missed.</summary>
    /// <exception cref="LinuxException">ENOENT, ENOTDIR: no such folder. EMFILE: too many inotify users.</exception>
    public static DeletionMonitor Open(string folder)
    {
        SafeFd wakeUp = Libc.eventfd(0, Libc.EFD_CLOEXEC);
        Errno errno = Libc.LastError;
        if (wakeUp.IsInvalid)
        {
            throw new LinuxException("eventfd", errno);
        }

        SafeFd events = Libc.inotify_init1(Libc.IN_CLOEXEC | Libc.IN_NONBLOCK);
        errno = Libc.LastError;
        if (!events.IsInvalid
            && Libc.inotify_add_watch(events, folder, Libc.IN_DELETE | Libc.IN_MOVED_FROM | Libc.IN_ONLYDIR) >= 0)
        {
            return new DeletionMonitor(events, wakeUp);
        }

        errno = events.IsInvalid ? errno : Libc.LastError;
        wakeUp.Dispose();
        events.Dispose();
        throw new LinuxException($"inotify_add_watch {folder}", errno);
    }

    /// <summary>Returns once something has disappeared since the last call; waits on a thread of its own.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(WakeUp);
        await Task.Factory.StartNew(
            Wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        cancellationToken.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        _events.Dispose();
        _wakeUp.Dispose();
    }

    private void Wait()
    {
        Span<PollFd> polled =
        [
            new() { Fd = _events.Number, Events = Libc.POLLIN },
            new() { Fd = _wakeUp.Number, Events = Libc.POLLIN },
        ];
        while (Libc.poll(polled, (nuint)polled.Length, -1) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("poll inotify", errno);
            }
        }

        // What disappeared is not asked: the caller looks at the folder, after all of these.
        Span<byte> events = stackalloc byte[4096];
        while (Libc.read(_events, events, events.Length) > 0)
        {
        }
    }

    private void WakeUp()
    {
        ReadOnlySpan<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = Libc.write(_wakeUp, one, one.Length);    // it cannot block before 2^64 of them
    }
}

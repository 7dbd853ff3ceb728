using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>
/// An exclusive flock on a folder itself: programs that put files into a folder of others keep out of each other's way
/// without a lock file there. The end of the process releases it.
/// </summary>
public sealed class FolderLock : IDisposable
{
    private readonly SafeFd _fd;

    private FolderLock(SafeFd fd) => _fd = fd;

    /// <summary>Waits for the lock, however long.</summary>
    /// <exception cref="LinuxException">ENOENT: there is no such folder.</exception>
    public static FolderLock Acquire(string path)
    {
        SafeFd fd = RawFile.Open(path, Libc.O_RDONLY, mode: 0);
        while (Libc.flock(fd, Libc.LOCK_EX) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                fd.Dispose();
                throw new LinuxException($"lock {path}", errno);
            }
        }

        return new FolderLock(fd);
    }

    public void Dispose()
    {
        // Closing is not enough: a child that another thread starts just now has a copy of the descriptor until exec.
        _ = Libc.flock(_fd, Libc.LOCK_UN);
        _fd.Dispose();
    }
}

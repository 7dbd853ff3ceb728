using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>
/// An exclusive flock on a file of its own. It belongs to the open file: two locks of one process exclude each other
/// too, and a child that inherits the descriptor holds it on after this process is gone.
/// </summary>
public sealed class FileLock : IDisposable
{
    private const int Creating = Libc.O_RDWR | Libc.O_CREAT;
    private const uint LockFileMode = 0b110_000_000;    // rw-------

    private readonly string _path;
    private readonly SafeFd _fd;
    private bool _isShared;

    private FileLock(string path, SafeFd fd)
    {
        _path = path;
        _fd = fd;
    }

    /// <summary>
    /// For a child to inherit; valid while this object is. Once it was asked for, the lock ends when the last who has
    /// the descriptor closes it.
    /// </summary>
    public int Descriptor
    {
        get
        {
            _isShared = true;
            return _fd.Number;
        }
    }

    /// <summary>Waits for the lock, however long. The file is made if there is none.</summary>
    public static FileLock Acquire(string path) => TryAcquire(path, Creating, 0)
        ?? throw new LinuxException($"lock {path}", Errno.EAGAIN);

    /// <summary>Null: somebody holds it.</summary>
    public static FileLock? TryAcquire(string path) => TryAcquire(path, Creating, Libc.LOCK_NB);

    /// <summary>As <see cref="Acquire"/>, where nothing can be made: a full disk, or a read-only one.</summary>
    /// <exception cref="LinuxException">ENOENT: there is no such file, so that nobody holds it.</exception>
    public static FileLock AcquireExisting(string path) => TryAcquire(path, Libc.O_RDONLY, 0)
        ?? throw new LinuxException($"lock {path}", Errno.EAGAIN);

    /// <summary>Removes the file, so that locks of what is gone do not pile up, and releases the lock.</summary>
    public void DeleteAndRelease()
    {
        // Still held: whoever waits finds on waking that the file has no name any more, and takes a new one.
        RawFile.DeleteIfPresent(_path);
        Dispose();
    }

    /// <summary>Releases the lock, unless a child inherited it; the file stays.</summary>
    public void Dispose()
    {
        // Closing is not enough: a child that another thread starts just now has a copy of the descriptor until exec.
        if (!_isShared && !_fd.IsClosed)
        {
            _ = Libc.flock(_fd, Libc.LOCK_UN);
        }

        _fd.Dispose();
    }

    private static FileLock? TryAcquire(string path, int opening, int nonBlocking)
    {
        while (true)
        {
            SafeFd fd = RawFile.Open(path, opening, LockFileMode);
            try
            {
                if (!Flock(fd, path, Libc.LOCK_EX | nonBlocking))
                {
                    fd.Dispose();
                    return null;
                }

                if (IsStillNamed(fd, path))
                {
                    return new FileLock(path, fd);
                }
            }
            catch
            {
                fd.Dispose();
                throw;
            }

            fd.Dispose();
        }
    }

    private static bool Flock(SafeFd fd, string path, int operation)
    {
        while (Libc.flock(fd, operation) < 0)
        {
            Errno errno = Libc.LastError;
            switch (errno)
            {
                case Errno.EINTR:
                    break;
                case Errno.EAGAIN:
                    return false;
                default:
                    throw new LinuxException($"lock {path}", errno);
            }
        }

        return true;
    }

    private static bool IsStillNamed(SafeFd fd, string path) =>
        FileIdentity.Find(path) == FileIdentity.Of(fd, path);
}

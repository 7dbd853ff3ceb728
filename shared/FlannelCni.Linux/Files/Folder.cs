using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Folders, made when something is to be put in them.</summary>
public static class Folder
{
    /// <summary><c>mkdir --parents</c>: makes those of the path that are missing.</summary>
    /// <param name="mode">Permission bits of the new ones, less the umask.</param>
    /// <exception cref="LinuxException">ENOTDIR: a file is in the way. EROFS.</exception>
    public static void Ensure(string path, uint mode)
    {
        if (Libc.mkdir(path, mode) == 0)
        {
            return;
        }

        Errno errno = Libc.LastError;
        switch (errno)
        {
            case Errno.EEXIST:
                return;
            case Errno.ENOENT when Path.GetDirectoryName(path) is { Length: > 0 } parent:
                Ensure(parent, mode);
                if (Libc.mkdir(path, mode) < 0 && Libc.LastError is not Errno.EEXIST and Errno lastErrno)
                {
                    throw new LinuxException($"mkdir {path}", lastErrno);
                }

                return;
            default:
                throw new LinuxException($"mkdir {path}", errno);
        }
    }

    /// <summary>Makes the folder that a file of this path would be in.</summary>
    public static void EnsureParent(string path, uint mode)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            Ensure(parent, mode);
        }
    }
}

// A program that runs cannot be written over (ETXTBSY), and one that is being written cannot be run. So the new one is
// written beside the old, closed, and gets its name when it is whole and on disk: whoever runs the old one keeps it,
// whoever starts it a moment later has the new one.

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>
/// Puts programs into a folder that others use. The caller holds the <see cref="FolderLock"/> of that folder, so that
/// the temporary file, <c>.NAME.new</c>, is nobody else's: what one killed half way has left is written over.
/// </summary>
public static class ProgramFile
{
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Sees to it that the program is there and equal to the source, mode 0755.</summary>
    /// <param name="path">A symbolic link there is replaced, not followed.</param>
    /// <returns>False: it was so before, and nothing was touched.</returns>
    /// <exception cref="LinuxException">Nothing is left behind, the target is as it was. ENOSPC, EROFS.</exception>
    public static bool Ensure(string source, string path)
    {
        if (KindOf(path) == Libc.S_IFREG
            && File.GetUnixFileMode(path) == Executable
            && HaveSameContent(source, path))
        {
            return false;
        }

        Put(source, path, static (temporary, target) => Libc.rename(temporary, target) == 0
            ? Errno.None
            : Libc.LastError);
        return true;
    }

    /// <summary>Adds the program, mode 0755, unless there is anything of that name already.</summary>
    /// <returns>False: there is, and it stays as it is.</returns>
    /// <exception cref="LinuxException">Nothing is left behind. ENOSPC, EROFS.</exception>
    public static bool AddIfAbsent(string source, string path) =>
        KindOf(path) == 0 && Put(source, path, static (temporary, target) =>
        {
            // Unlike a rename, a link never replaces what somebody else has put there meanwhile.
            Errno errno = Libc.link(temporary, target) == 0 ? Errno.None : Libc.LastError;
            _ = Libc.unlink(temporary);
            return errno;
        });

    private static bool Put(string source, string path, Func<string, string, Errno> name)
    {
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string temporary = $"{folder}/.{Path.GetFileName(path)}.new";
        RawFile.DeleteIfPresent(temporary);
        try
        {
            Copy(source, temporary);
            switch (name(temporary, path))
            {
                case Errno.None:
                    break;
                case Errno.EEXIST:
                    return false;
                case Errno errno:
                    throw new LinuxException($"rename {temporary} to {path}", errno);
            }
        }
        catch
        {
            _ = Libc.unlink(temporary);
            throw;
        }

        using SafeFd opened = RawFile.Open(folder, Libc.O_RDONLY, mode: 0);
        Sync(opened, folder);
        return true;
    }

    private static void Copy(string source, string temporary)
    {
        using SafeFd from = RawFile.Open(source, Libc.O_RDONLY, mode: 0);
        using SafeFd to = RawFile.Open(
            temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, (uint)UnixFileMode.UserWrite);
        byte[] buffer = new byte[65536];
        int count;
        while ((count = RawFile.ReadFull(from, buffer, source)) > 0)
        {
            RawFile.Write(to, buffer.AsSpan(0, count), temporary);
        }

        if (Libc.fchmod(to, (uint)Executable) < 0)
        {
            throw new LinuxException($"chmod {temporary}", Libc.LastError);
        }

        Sync(to, temporary);
    }

    /// <summary>Of S_IFMT, of a symbolic link its own; 0: there is nothing.</summary>
    private static int KindOf(string path)
    {
        Statx buffer = default;
        if (Libc.statx_at(Libc.AT_FDCWD, path, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_TYPE, ref buffer) == 0)
        {
            return buffer.Mode & Libc.S_IFMT;
        }

        Errno errno = Libc.LastError;
        return errno == Errno.ENOENT ? 0 : throw new LinuxException($"statx {path}", errno);
    }

    private static bool HaveSameContent(string one, string other)
    {
        using SafeFd first = RawFile.Open(one, Libc.O_RDONLY, mode: 0);
        using SafeFd second = RawFile.Open(other, Libc.O_RDONLY, mode: 0);
        byte[] buffer = new byte[65536];
        byte[] buffer2 = new byte[65536];
        int count;
        do
        {
            count = RawFile.ReadFull(first, buffer, one);
            int count2 = RawFile.ReadFull(second, buffer2, other);
            if (!buffer.AsSpan(0, count).SequenceEqual(buffer2.AsSpan(0, count2)))
            {
                return false;
            }
        }
        while (count > 0);

        return true;
    }

    private static void Sync(SafeFd fd, string name)
    {
        if (Libc.fsync(fd) < 0)
        {
            throw new LinuxException($"fsync {name}", Libc.LastError);
        }
    }
}

using System.Globalization;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Files that a reader finds old or new, never half: a temporary file beside them, then rename.</summary>
public static class AtomicFile
{
    /// <summary>Writes the file, whole. Of several writers at once the last one wins.</summary>
    /// <param name="path">A symbolic link there is replaced, not followed.</param>
    /// <param name="mode">Permission bits, whatever the umask.</param>
    /// <param name="durable">On return it survives a power failure: fsync of the file and of its folder.</param>
    /// <exception cref="LinuxException">Nothing is left behind, the target is as it was.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode, bool durable)
    {
        using SafeFd fd = CreateTemporary(FolderOf(path), mode, out string temporary);
        try
        {
            RawFile.Write(fd, content, temporary);
            Finish(fd, temporary, path, mode, durable);
        }
        catch
        {
            _ = Libc.unlink(temporary);
            throw;
        }
    }

    /// <summary>Writes a file that nobody wants to hold in memory as a whole.</summary>
    /// <param name="pieces">Of its content; each is written before the next is asked for.</param>
    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte}, UnixFileMode, bool)"/>
    public static void Write(
        string path, IEnumerable<ReadOnlyMemory<byte>> pieces, UnixFileMode mode, bool durable)
    {
        using SafeFd fd = CreateTemporary(FolderOf(path), mode, out string temporary);
        try
        {
            foreach (ReadOnlyMemory<byte> piece in pieces)
            {
                RawFile.Write(fd, piece.Span, temporary);
            }

            Finish(fd, temporary, path, mode, durable);
        }
        catch
        {
            _ = Libc.unlink(temporary);
            throw;
        }
    }

    private static string FolderOf(string path) =>
        Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";

    private static void Finish(SafeFd fd, string temporary, string path, UnixFileMode mode, bool durable)
    {
        if (Libc.fchmod(fd, (uint)mode) < 0)
        {
            throw new LinuxException($"chmod {temporary}", Libc.LastError);
        }

        if (durable)
        {
            Sync(fd, temporary);
        }

        if (Libc.rename(temporary, path) < 0)
        {
            throw new LinuxException($"rename {temporary} to {path}", Libc.LastError);
        }

        if (durable)
        {
            string folder = FolderOf(path);
            using SafeFd opened = RawFile.Open(folder, Libc.O_RDONLY, mode: 0);
            Sync(opened, folder);
        }
    }

    // A random name: process and thread ids repeat where containers share a folder.
    private static SafeFd CreateTemporary(string folder, UnixFileMode mode, out string temporary)
    {
        while (true)
        {
            temporary = string.Create(CultureInfo.InvariantCulture, $"{folder}/.{RandomBits.Get():x16}.tmp");
            try
            {
                return RawFile.Open(temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, (uint)mode);
            }
            catch (LinuxException e) when (e.Errno is Errno.EEXIST)
            {
                // Somebody else's: take another name.
            }
        }
    }

    private static void Sync(SafeFd fd, string name)
    {
        if (Libc.fsync(fd) < 0)
        {
            throw new LinuxException($"fsync {name}", Libc.LastError);
        }
    }
}

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
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        using SafeFd fd = CreateTemporary(folder, mode, out string temporary);
        try
        {
            RawFile.Write(fd, content, temporary);
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
        }
        catch
        {
            _ = Libc.unlink(temporary);
            throw;
        }

        if (durable)
        {
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

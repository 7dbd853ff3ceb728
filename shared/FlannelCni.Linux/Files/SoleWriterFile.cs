using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>
/// As <see cref="AtomicFile"/>, for files that only one program writes at a time, which holds a lock: the temporary
/// file has a name that does not change, so that the next one overwrites what one killed half way has left.
/// </summary>
public static class SoleWriterFile
{
    /// <summary>Replaces the file, whole, though not durably: a power failure may bring the old one back.</summary>
    /// <param name="temporary">In the same folder.</param>
    /// <param name="mode">Permission bits, less the umask.</param>
    public static void Write(string path, string temporary, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        try
        {
            using (SafeFd fd = RawFile.Open(temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_TRUNC, (uint)mode))
            {
                RawFile.Write(fd, content, temporary);
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
    }
}

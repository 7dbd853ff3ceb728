using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Files that a reader finds old or new, never half: a temporary file beside the target, then rename.</summary>
public static class AtomicFile
{
    /// <param name="content">The whole file.</param>
    /// <param name="mode">Permission bits, whatever the umask: 0o644 as 0x1A4.</param>
    /// <param name="durable">Survive a power failure too: fsync before the rename.</param>
    /// <exception cref="LinuxException">Nothing is left behind, the target is as it was.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode, bool durable)
    {
        string directory = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string temporary = $"{directory}/.{Path.GetFileName(path)}.{Environment.ProcessId}.tmp";
        try
        {
            using (SafeFd fd = RawFile.Open(temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_TRUNC, (uint)mode))
            {
                RawFile.Write(fd, content, temporary);
                if (Libc.fchmod(fd, (uint)mode) < 0)
                {
                    throw new LinuxException($"chmod {temporary}", Libc.LastError);
                }

                if (durable && Libc.fsync(fd) < 0)
                {
                    throw new LinuxException($"fsync {temporary}", Libc.LastError);
                }
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

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>
/// Whole small files in the fewest system calls. System.IO.File takes advisory locks of its own and asks for sizes that
/// /proc and /sys do not have.
/// </summary>
public static class RawFile
{
    /// <param name="max">Bytes; more than anybody would write there.</param>
    /// <exception cref="LinuxException">ENOENT: there is none. EFBIG: it has more than that.</exception>
    public static byte[] ReadAllBytes(string path, int max = int.MaxValue)
    {
        using SafeFd fd = Open(path, Libc.O_RDONLY, mode: 0);
        byte[] content = ReadToEnd(fd, path, max);
        return content.Length <= max ? content : throw new LinuxException($"read {path}", Errno.EFBIG);
    }

    /// <summary>Null: there is none.</summary>
    public static byte[]? ReadAllBytesIfPresent(string path)
    {
        using SafeFd fd = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        Errno errno = Libc.LastError;
        return !fd.IsInvalid ? ReadToEnd(fd, path)
            : MeansAbsent(errno) ? null
            : throw new LinuxException($"open {path}", errno);
    }

    /// <summary>Writes over an existing file, such as one of /proc/sys, with a single write.</summary>
    public static void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        using SafeFd fd = Open(path, Libc.O_WRONLY, mode: 0);
        Write(fd, content, path);
    }

    /// <summary>Standard input of this process, to its end, or until it has more than <paramref name="max"/>.</summary>
    /// <param name="max">Bytes.</param>
    public static byte[] ReadStandardInput(int max)
    {
        SafeFd fd = new(0);
        try
        {
            return ReadToEnd(fd, "standard input", max);
        }
        finally
        {
            fd.SetHandleAsInvalid();    // stays open: the next file opened would become the standard input of children
        }
    }

    /// <summary>To standard output, whole.</summary>
    public static void WriteStandardOutput(ReadOnlySpan<byte> content) => WriteTo(1, content, "standard output");

    /// <summary>To standard error, whole.</summary>
    public static void WriteStandardError(ReadOnlySpan<byte> content) => WriteTo(2, content, "standard error");

    /// <returns>False: there was none.</returns>
    public static bool DeleteIfPresent(string path)
    {
        if (Libc.unlink(path) == 0)
        {
            return true;
        }

        Errno errno = Libc.LastError;
        return MeansAbsent(errno) ? false : throw new LinuxException($"unlink {path}", errno);
    }

    /// <summary>Is this what the kernel says of a file that is not there, or cannot be?</summary>
    public static bool MeansAbsent(Errno errno) => errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ENAMETOOLONG;

    internal static SafeFd Open(string path, int flags, uint mode)
    {
        SafeFd fd = Libc.open(path, flags | Libc.O_CLOEXEC, mode);
        Errno errno = Libc.LastError;
        return fd.IsInvalid ? throw new LinuxException($"open {path}", errno) : fd;
    }

    internal static byte[] ReadToEnd(SafeFd fd, string name, int max = int.MaxValue)
    {
        byte[] buffer = new byte[4096];
        int length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            nint count = Libc.read(fd, buffer.AsSpan(length), buffer.Length - length);
            Errno errno = Libc.LastError;
            length += count > 0 ? (int)count : 0;
            if (count == 0 || length > max)
            {
                return buffer[..length];
            }

            if (count < 0 && errno != Errno.EINTR)
            {
                throw new LinuxException($"read {name}", errno);
            }
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    /// <returns>Bytes read.</returns>
    internal static int ReadFull(SafeFd fd, byte[] buffer, string name)
    {
        int length = 0;
        while (length < buffer.Length)
        {
            nint count = Libc.read(fd, buffer.AsSpan(length), buffer.Length - length);
            Errno errno = Libc.LastError;
            if (count == 0)
            {
                break;
            }

            if (count > 0)
            {
                length += (int)count;
            }
            else if (errno != Errno.EINTR)
            {
                throw new LinuxException($"read {name}", errno);
            }
        }

        return length;
    }

    internal static void Write(SafeFd fd, ReadOnlySpan<byte> content, string name)
    {
        while (!content.IsEmpty)
        {
            nint count = Libc.write(fd, content, content.Length);
            Errno errno = Libc.LastError;
            if (count >= 0)
            {
                content = content[(int)count..];
            }
            else if (errno != Errno.EINTR)
            {
                throw new LinuxException($"write {name}", errno);
            }
        }
    }

    private static void WriteTo(int descriptor, ReadOnlySpan<byte> content, string name)
    {
        SafeFd fd = new(descriptor);
        try
        {
            Write(fd, content, name);
        }
        finally
        {
            fd.SetHandleAsInvalid();    // the descriptor stays open: it is the process's
        }
    }
}

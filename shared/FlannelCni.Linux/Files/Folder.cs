using System.Buffers.Binary;
using System.Text;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Folders, made when something is to be put in them.</summary>
public static class Folder
{
    // struct linux_dirent64: d_ino:u64 | d_off:s64 | d_reclen:u16 | d_type:u8 | d_name, to a NUL
    private const int RecordLengthAt = 16;
    private const int NameAt = 19;

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

    /// <summary>The names in it, in no order; empty where there is no such folder.</summary>
    /// <remarks>One system call or two, where System.IO prepares an enumeration.</remarks>
    public static List<string> ListNames(string path)
    {
        List<string> names = [];
        using SafeFd fd = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        Errno errno = Libc.LastError;
        if (fd.IsInvalid)
        {
            return errno is Errno.ENOENT or Errno.ENOTDIR ? names : throw new LinuxException($"open {path}", errno);
        }

        byte[] buffer = new byte[32768];
        while (true)
        {
            nint length = Libc.getdents64(fd, buffer, buffer.Length);
            errno = Libc.LastError;
            switch (length)
            {
                case 0:
                    return names;
                case < 0 when errno is Errno.ENOTDIR:
                    return names;
                case < 0:
                    throw new LinuxException($"list {path}", errno);
                default:
                    AddNames(buffer.AsSpan(0, (int)length), names);
                    break;
            }
        }
    }

    private static void AddNames(ReadOnlySpan<byte> records, List<string> names)
    {
        while (!records.IsEmpty)
        {
            ushort length = BinaryPrimitives.ReadUInt16LittleEndian(records[RecordLengthAt..]);
            ReadOnlySpan<byte> name = records[NameAt..length];
            string text = Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]);
            if (text is not ("." or ".."))
            {
                names.Add(text);
            }

            records = records[length..];
        }
    }
}

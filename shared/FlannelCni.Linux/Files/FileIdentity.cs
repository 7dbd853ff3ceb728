using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>Device and inode: the same for two paths or descriptors exactly when the file is the same.</summary>
internal readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode)
{
    internal static FileIdentity Of(SafeFd fd, string name)
    {
        Statx buffer = default;
        return Libc.statx(fd, "", Libc.AT_EMPTY_PATH, Libc.STATX_INO, ref buffer) < 0
            ? throw new LinuxException($"statx {name}", Libc.LastError)
            : Of(buffer);
    }

    /// <summary>Null: there is no such file.</summary>
    internal static FileIdentity? Find(string path)
    {
        Statx buffer = default;
        if (Libc.statx_at(Libc.AT_FDCWD, path, 0, Libc.STATX_INO, ref buffer) == 0)
        {
            return Of(buffer);
        }

        Errno errno = Libc.LastError;
        return errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw new LinuxException($"statx {path}", errno);
    }

    private static FileIdentity Of(in Statx file) => new(file.DeviceMajor, file.DeviceMinor, file.Inode);
}

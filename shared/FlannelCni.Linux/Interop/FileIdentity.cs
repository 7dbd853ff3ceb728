namespace FlannelCni.Linux.Interop;

/// <summary>Device and inode: the same for two paths or descriptors exactly when the file is the same.</summary>
internal readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode)
{
    internal static FileIdentity Of(SafeFd fd, string name)
    {
        Statx buffer = default;
        return Libc.statx(fd, "", Libc.AT_EMPTY_PATH, Libc.STATX_INO, ref buffer) < 0
            ? throw new LinuxException($"statx {name}", Libc.LastError)
            : new FileIdentity(buffer.DeviceMajor, buffer.DeviceMinor, buffer.Inode);
    }
}

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>What a path leads to.</summary>
public static class RegularFile
{
    /// <summary>Is there a regular file, at the end of symbolic links if need be?</summary>
    public static bool Exists(string path)
    {
        Statx buffer = default;
        return Libc.statx_at(Libc.AT_FDCWD, path, 0, Libc.STATX_TYPE, ref buffer) == 0
            && (buffer.Mode & Libc.S_IFMT) == Libc.S_IFREG;
    }

    /// <summary>Null: there is no regular file.</summary>
    public static ulong? FindSize(string path)
    {
        Statx buffer = default;
        return Libc.statx_at(Libc.AT_FDCWD, path, 0, Libc.STATX_TYPE | Libc.STATX_SIZE, ref buffer) == 0
            && (buffer.Mode & Libc.S_IFMT) == Libc.S_IFREG
            ? buffer.Size
            : null;
    }
}

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>What a path leads to.</summary>
public static class RegularFile
{
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFREG = 0x8000;

    /// <summary>Is there a regular file, at the end of symbolic links if need be?</summary>
    public static bool Exists(string path)
    {
        Statx buffer = default;
        return Libc.statx_at(Libc.AT_FDCWD, path, 0, Libc.STATX_TYPE, ref buffer) == 0
            && (buffer.Mode & S_IFMT) == S_IFREG;
    }
}

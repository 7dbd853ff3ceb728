using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Interop;

/// <summary>An open file descriptor: closed once, never used after.</summary>
public sealed class SafeFd : SafeHandle
{
    /// <param name="fd">A descriptor that this object now owns; below 0: none.</param>
    public SafeFd(int fd)
        : base(-1, ownsHandle: true) => SetHandle(fd);

    public override bool IsInvalid => Number < 0;

    /// <summary>Valid while this object is.</summary>
    internal int Number => (int)handle;

    protected override bool ReleaseHandle() => Libc.close(Number) == 0;
}

using Microsoft.Win32.SafeHandles;

namespace FlannelCni.Linux.Interop;

/// <summary>An open file descriptor: closed once, never used after.</summary>
public sealed class SafeFd : SafeHandleMinusOneIsInvalid
{
    /// <summary>For the marshaller.</summary>
    public SafeFd()
        : base(ownsHandle: true)
    {
    }

    /// <param name="fd">A descriptor that this object now owns.</param>
    public SafeFd(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}

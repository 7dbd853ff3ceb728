using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Interop;

/// <summary>An open file descriptor: closed once, never used after.</summary>
public sealed class SafeFd : SafeHandle
{
    /// <summary>For the marshaller.</summary>
    public SafeFd()
        : base(-1, ownsHandle: true)
    {
    }

    /// <param name="fd">A descriptor that this object now owns.</param>
    public SafeFd(int fd)
        : this() => SetHandle(fd);

    // A C function returns 32 bits; what the upper half of the register holds then is nobody's business.
    public override bool IsInvalid => (int)handle < 0;

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}

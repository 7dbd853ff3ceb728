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
        : base(-1, ownsHandle: true) => SetHandle(fd);

    /// <inheritdoc/>
    public override bool IsInvalid => Number < 0;

    /// <summary>
    /// Valid while this object is. A C function that returns an int leaves the upper half of the register undefined, which
    /// the marshaller copies: only the lower half of the handle counts.
    /// </summary>
    internal int Number => (int)handle;

    protected override bool ReleaseHandle() => Libc.close(Number) == 0;
}

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Files;

/// <summary>The kernel's random numbers, without a library of cryptography between.</summary>
public static class RandomBits
{
    /// <summary>64 of them.</summary>
    public static ulong Get()
    {
        ulong bits = 0;
        return Libc.getrandom(ref bits, sizeof(ulong), 0) == sizeof(ulong)
            ? bits
            : throw new LinuxException("getrandom", Libc.LastError);
    }
}

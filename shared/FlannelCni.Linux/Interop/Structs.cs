using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Interop;

/// <summary><c>struct sockaddr_nl</c>, linux/netlink.h; 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SockAddrNl
{
    internal ushort Family;    // nl_family
    internal ushort Pad;       // nl_pad
    internal uint PortId;      // nl_pid: 0 is the kernel
    internal uint Groups;      // nl_groups: multicast groups mask
}

/// <summary><c>struct pollfd</c>, poll.h; 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollFd
{
    internal int Fd;
    internal short Events;
    internal short ReturnedEvents;    // revents
}

/// <summary><c>struct timeval</c>, sys/time.h; 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeVal
{
    internal long Seconds;         // tv_sec
    internal long Microseconds;    // tv_usec
}

/// <summary><c>struct ifreq</c>, linux/if.h, with a pointer in its union; 40 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IfReq
{
    internal InterfaceName Name;    // ifr_name
    internal void* Data;            // ifr_data
    private readonly long _rest;    // of the union
    private readonly long _rest2;
}

/// <summary><c>char[IFNAMSIZ]</c>, linux/if.h: ends with a NUL; 16 bytes.</summary>
[InlineArray(Length)]
internal struct InterfaceName
{
    internal const int Length = 16;

    private byte _element;
}

/// <summary><c>struct ethtool_value</c>, linux/ethtool.h; 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EthtoolValue
{
    internal uint Command;    // cmd
    internal uint Data;       // data
}

/// <summary><c>struct rusage</c>, sys/resource.h; 144 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RUsage
{
    internal TimeVal UserTime;      // ru_utime
    internal TimeVal SystemTime;    // ru_stime
    internal InlineLongs Rest;

    [InlineArray(14)]
    internal struct InlineLongs
    {
        private long _element;
    }
}

/// <summary><c>struct sock_filter</c>, linux/filter.h; 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SockFilter
{
    internal ushort Code;       // code
    internal byte JumpTrue;     // jt: instructions to pass over
    internal byte JumpFalse;    // jf
    internal uint Operand;      // k
}

/// <summary><c>struct sock_fprog</c>, linux/filter.h; 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockFprog
{
    internal ushort Length;          // len, in instructions
    internal SockFilter* Program;    // filter
}

/// <summary><c>sigset_t</c> of glibc and musl; 128 bytes.</summary>
[InlineArray(16)]
internal struct SigSet
{
    private ulong _element;
}

/// <summary><c>posix_spawnattr_t</c>: 336 bytes in glibc and musl, opaque.</summary>
[InlineArray(42)]
internal struct PosixSpawnAttr
{
    private ulong _element;
}

/// <summary><c>posix_spawn_file_actions_t</c>: 80 bytes in glibc and musl, opaque.</summary>
[InlineArray(10)]
internal struct PosixSpawnFileActions
{
    private ulong _element;
}

/// <summary><c>struct timespec</c>, time.h; 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    internal long Seconds;        // tv_sec
    internal long Nanoseconds;    // tv_nsec
}

/// <summary><c>struct statx</c>, linux/stat.h; 256 bytes, of which only what is named here matters.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct Statx
{
    [FieldOffset(28)]
    internal ushort Mode;          // stx_mode

    [FieldOffset(32)]
    internal ulong Inode;          // stx_ino

    [FieldOffset(40)]
    internal ulong Size;           // stx_size

    [FieldOffset(136)]
    internal uint DeviceMajor;     // stx_dev_major

    [FieldOffset(140)]
    internal uint DeviceMinor;     // stx_dev_minor
}

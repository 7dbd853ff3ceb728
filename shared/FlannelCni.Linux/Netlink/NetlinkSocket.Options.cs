using System.Runtime.CompilerServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <content>How a descriptor is opened, connected and set up.</content>
public sealed partial class NetlinkSocket
{
    internal static SafeFd OpenDescriptor(NetlinkFamily family)
    {
        SafeFd fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, (int)family);
        Errno errno = Libc.LastError;
        return fd.IsInvalid ? throw new LinuxException($"socket({family})", errno) : fd;
    }

    /// <summary>Beyond net.core.rmem_max it needs CAP_NET_ADMIN of the first user namespace; else up to that.</summary>
    internal static void ForceReceiveBuffer(SafeFd fd, int size)
    {
        if (Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, size, sizeof(int)) < 0)
        {
            SetOption(fd, Libc.SOL_SOCKET, Libc.SO_RCVBUF, size);
        }
    }

    internal static void SetOption(SafeFd fd, int level, int option, int value)
    {
        if (Libc.setsockopt(fd, level, option, value, sizeof(int)) < 0)
        {
            throw new LinuxException($"setsockopt(netlink, {level}, {option})", Libc.LastError);
        }
    }

    private static void SetReceiveTimeout(SafeFd fd, int seconds)
    {
        TimeVal timeout = new() { Seconds = seconds };
        if (Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, timeout, Unsafe.SizeOf<TimeVal>()) < 0)
        {
            throw new LinuxException("setsockopt(netlink, SO_RCVTIMEO)", Libc.LastError);
        }
    }
}

using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Interop;

/// <summary>
/// Every function of the C library that this project calls, under its own name; constants from the headers named.
/// errno is read with <see cref="LastError"/> on the next line. Values are those of x86-64 and arm64.
/// </summary>
internal static partial class Libc
{
    // fcntl.h
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_TRUNC = 0x200;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int F_GETFD = 1;
    internal const int F_DUPFD_CLOEXEC = 1030;

    // linux/stat.h
    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const uint STATX_TYPE = 0x1;
    internal const ushort S_IFMT = 0xF000;
    internal const ushort S_IFREG = 0x8000;
    internal const uint STATX_INO = 0x100;
    internal const uint STATX_SIZE = 0x200;

    // sys/file.h
    internal const int LOCK_SH = 1;
    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;
    internal const int LOCK_UN = 8;

    // sys/inotify.h, sys/eventfd.h
    internal const int IN_NONBLOCK = 0x800;
    internal const int IN_CLOEXEC = 0x80000;
    internal const uint IN_MOVED_FROM = 0x40;
    internal const uint IN_DELETE = 0x200;
    internal const uint IN_ONLYDIR = 0x0100_0000;
    internal const int EFD_CLOEXEC = 0x80000;

    // sched.h
    internal const int CLONE_NEWNS = 0x0002_0000;
    internal const int CLONE_NEWNET = 0x4000_0000;

    // sys/socket.h
    internal const int AF_UNSPEC = 0;
    internal const int AF_INET = 2;
    internal const int AF_BRIDGE = 7;
    internal const int AF_INET6 = 10;
    internal const int AF_NETLINK = 16;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_SNDBUF = 7;
    internal const int SO_RCVBUF = 8;
    internal const int SO_RCVTIMEO = 20;
    internal const int SO_SNDBUFFORCE = 32;
    internal const int SO_ATTACH_FILTER = 26;
    internal const int SO_RCVBUFFORCE = 33;
    internal const int MSG_TRUNC = 0x20;
    internal const int MSG_DONTWAIT = 0x40;

    // linux/netlink.h
    internal const int SOL_NETLINK = 270;
    internal const int NETLINK_ADD_MEMBERSHIP = 1;
    internal const int NETLINK_EXT_ACK = 11;
    internal const int NETLINK_CAP_ACK = 10;
    internal const int NETLINK_GET_STRICT_CHK = 12;

    // poll.h, signal.h, sys/wait.h, spawn.h
    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;
    internal const int WNOHANG = 1;
    internal const short POSIX_SPAWN_SETSIGDEF = 0x04;
    internal const short POSIX_SPAWN_SETSIGMASK = 0x08;

    // asm-generic/ioctls.h, linux/nsfs.h
    internal const nuint FIONREAD = 0x541B;
    internal const nuint NS_GET_NSTYPE = 0xB703;

    // linux/sockios.h, linux/ethtool.h, linux/if.h
    internal const nuint SIOCETHTOOL = 0x8946;
    internal const uint ETHTOOL_GTXCSUM = 0x16;
    internal const uint ETHTOOL_STXCSUM = 0x17;

    // asm/unistd.h
    internal const nint SYS_pidfd_send_signal = 424;
    internal const nint SYS_pidfd_open = 434;

    // sys/resource.h
    internal const int RUSAGE_SELF = 0;
    internal const int RUSAGE_CHILDREN = -1;

    private const string Name = "libc";

    /// <summary>errno of the call just made.</summary>
    internal static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    [LibraryImport(Name)]
    internal static partial int close(int fd);

    // A C int leaves the upper half of the register undefined, which a handle's marshaller would take for its own:
    // the -1 of a failure would become descriptor 4294967295. So a descriptor comes back as int.
    internal static SafeFd open(string path, int flags, uint mode) => new(OpenDescriptor(path, flags, mode));

    internal static SafeFd socket(int family, int type, int protocol) => new(SocketDescriptor(family, type, protocol));

    [LibraryImport(Name, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags, uint mode);

    [LibraryImport(Name, EntryPoint = "socket", SetLastError = true)]
    private static partial int SocketDescriptor(int family, int type, int protocol);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint read(SafeFd fd, Span<byte> buffer, nint count);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint write(SafeFd fd, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fsync(SafeFd fd);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchmod(SafeFd fd, uint mode);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int flock(SafeFd fd, int operation);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(SafeFd fd, string path, int flags, uint mask, ref Statx buffer);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8, EntryPoint = nameof(statx))]
    internal static partial int statx_at(int directory, string path, int flags, uint mask, ref Statx buffer);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(SafeFd fd, nuint request);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(SafeFd fd, nuint request, ref int value);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(SafeFd fd, nuint request, ref IfReq argument);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fcntl(int fd, int command, int argument);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int setenv(string name, string value, int overwrite);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unsetenv(string name);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int link(string from, string to);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string path);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mkdir(string path, uint mode);

    internal static SafeFd inotify_init1(int flags) => new(InotifyDescriptor(flags));

    [LibraryImport(Name, EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial int InotifyDescriptor(int flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int inotify_add_watch(SafeFd fd, string path, uint mask);

    internal static SafeFd eventfd(uint initial, int flags) => new(EventDescriptor(initial, flags));

    [LibraryImport(Name, EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getdents64(SafeFd fd, Span<byte> buffer, nint size);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int pipe2(Span<int> fds, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int poll(Span<PollFd> fds, nuint count, int timeoutMilliseconds);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setns(SafeFd fd, int nstype);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int connect(SafeFd fd, in SockAddrNl address, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int bind(SafeFd fd, in SockAddrNl address, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockname(SafeFd fd, ref SockAddrNl address, ref int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setsockopt(SafeFd fd, int level, int option, in int value, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setsockopt(SafeFd fd, int level, int option, in TimeVal value, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setsockopt(SafeFd fd, int level, int option, in SockFprog value, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockopt(SafeFd fd, int level, int option, ref int value, ref int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint send(SafeFd fd, ReadOnlySpan<byte> buffer, nint length, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint recv(SafeFd fd, Span<byte> buffer, nint length, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getrandom(ref ulong buffer, nint length, uint flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int nanosleep(in TimeSpec request, nint remaining);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int kill(int pid, int signal);

    /// <summary>pidfd_open, which glibc wraps only since 2.36.</summary>
    [LibraryImport(Name, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall_pidfd_open(nint number, int pid, uint flags);

    /// <summary>pidfd_send_signal.</summary>
    [LibraryImport(Name, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall_pidfd_send_signal(
        nint number, SafeFd pidFd, int signal, nint info, uint flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int waitpid(int pid, out int status, int options);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getrusage(int who, ref RUsage usage);

    // The posix_spawn family returns the error number and leaves errno alone.
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial Errno posix_spawn(
        out int pid, string path, PosixSpawnFileActions* actions, PosixSpawnAttr* attributes, byte** argv, byte** envp);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawn_file_actions_init(PosixSpawnFileActions* actions);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawn_file_actions_destroy(PosixSpawnFileActions* actions);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawn_file_actions_adddup2(
        PosixSpawnFileActions* actions, int fd, int newFd);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawnattr_init(PosixSpawnAttr* attributes);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawnattr_destroy(PosixSpawnAttr* attributes);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawnattr_setflags(PosixSpawnAttr* attributes, short flags);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawnattr_setsigdefault(PosixSpawnAttr* attributes, SigSet* set);

    [LibraryImport(Name)]
    internal static unsafe partial Errno posix_spawnattr_setsigmask(PosixSpawnAttr* attributes, SigSet* set);

    [LibraryImport(Name)]
    internal static unsafe partial int sigemptyset(SigSet* set);

    [LibraryImport(Name)]
    internal static unsafe partial int sigfillset(SigSet* set);
}

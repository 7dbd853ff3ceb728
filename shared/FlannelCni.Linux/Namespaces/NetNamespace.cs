// A namespace lives as long as a descriptor, a socket, a bind mount or a thread holds it.
// setns and unshare change the calling thread only; a child process inherits the namespace of the thread that forks it.
// /proc/self/ns/net is the main thread's; /proc/thread-self/ns/net the caller's.

using System.Runtime.ExceptionServices;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Namespaces;

/// <summary>
/// A network namespace held open by a descriptor. Work enters it on a thread of its own that ends with the work,
/// so that no thread-pool thread is ever left in a foreign namespace.
/// </summary>
public sealed class NetNamespace : IDisposable
{
    private readonly SafeFd _handle;
    private readonly FileIdentity _identity;

    private NetNamespace(string path, SafeFd handle)
    {
        Path = path;
        _handle = handle;
        _identity = FileIdentity.Of(handle, path);
    }

    /// <summary>As it was opened.</summary>
    public string Path { get; }

    /// <summary>For a netlink attribute or a child's command line; valid while this object is.</summary>
    public int Descriptor => _handle.Number;

    /// <summary>A new, empty namespace; the kernel frees it when the last descriptor and socket are gone.</summary>
    /// <exception cref="LinuxException">EPERM: CAP_SYS_ADMIN is missing.</exception>
    public static NetNamespace Create() => OnOwnThread(static () => Libc.unshare(Libc.CLONE_NEWNET) < 0
        ? throw new LinuxException("unshare(CLONE_NEWNET)", Libc.LastError)
        : OpenCurrent());

    /// <summary>The calling thread's.</summary>
    public static NetNamespace OpenCurrent() => Open("/proc/thread-self/ns/net");

    /// <summary>Opens <c>/run/netns/NAME</c> or <c>/proc/PID/ns/net</c>.</summary>
    /// <exception cref="LinuxException">ENOENT: no such file. EINVAL: it is no network namespace.</exception>
    public static NetNamespace Open(string path)
    {
        // Whatever else is there: a pipe would be waited for.
        SafeFd fd = Libc.open(path, Libc.O_RDONLY | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        Errno errno = Libc.LastError;
        if (fd.IsInvalid)
        {
            throw new LinuxException($"open {path}", errno);
        }

        try
        {
            // A bind mount that came loose leaves an ordinary file of the tmpfs below it.
            return Libc.ioctl(fd, Libc.NS_GET_NSTYPE) == Libc.CLONE_NEWNET
                ? new NetNamespace(path, fd)
                : throw new LinuxException($"open {path} as a network namespace, which it is not", Errno.EINVAL);
        }
        catch
        {
            fd.Dispose();
            throw;
        }
    }

    /// <summary>Are both the same namespace, by whatever path?</summary>
    public bool IsSameAs(NetNamespace other) => _identity == other._identity;

    /// <summary>
    /// Runs <paramref name="work"/> inside, on a thread that is made for it: near 0.1 ms, so do all in one.
    /// Synchronous by design: an await would leave the thread.
    /// </summary>
    public T Run<T>(Func<T> work) => OnOwnThread(() =>
    {
        Enter();
        return work();
    });

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Action work) => Run(() =>
    {
        work();
        return true;
    });

    /// <summary>
    /// Moves the calling thread in for good. Only for a program that owns its thread; the way back is another
    /// namespace's <see cref="Enter"/>.
    /// </summary>
    public void Enter()
    {
        if (Libc.setns(_handle, Libc.CLONE_NEWNET) < 0)
        {
            throw new LinuxException($"setns({Path})", Libc.LastError);
        }
    }

    public void Dispose() => _handle.Dispose();

    private static T OnOwnThread<T>(Func<T> work)
    {
        T result = default!;    // not returned unless set
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}

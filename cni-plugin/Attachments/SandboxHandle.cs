using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Attachments;

/// <summary>The two namespaces of a command: the host's, where this process is, and the pod's.</summary>
internal sealed class SandboxHandle : IDisposable
{
    private readonly string _path;
    private readonly NetNamespace? _pod;
    private readonly LinuxException? _failure;

    private SandboxHandle(string path, NetNamespace host, NetNamespace? pod, LinuxException? failure)
    {
        _path = path;
        _pod = pod;
        _failure = failure;
        Host = host;
    }

    internal NetNamespace Host { get; }

    /// <summary>Looks before anything is touched. A pod's that cannot be opened is not yet an error.</summary>
    /// <exception cref="CniException">InvalidNetNamespace: the pod's is the plugin's own.</exception>
    internal static SandboxHandle Open(CniEnvironment environment)
    {
        NetNamespace host = NetNamespace.OpenCurrent();
        (NetNamespace? pod, LinuxException? failure) = TryOpen(environment.NetNs);
        if (pod is null || environment.AllowsOwnNamespace || !pod.IsSameAs(host))
        {
            return new SandboxHandle(environment.NetNs, host, pod, failure);
        }

        pod.Dispose();
        host.Dispose();
        throw new CniException(
            CniErrorCode.InvalidNetNamespace, "plugin's netns and netns from CNI_NETNS should not be the same");
    }

    /// <exception cref="CniException">Internal: it cannot be opened.</exception>
    internal NetNamespace GetPod() => _pod
        ?? throw new CniException(CniErrorCode.Internal, $"failed to open netns \"{_path}\": {_failure?.Message}");

    /// <summary>
    /// Null: there is none any more. A path that exists but leads to no namespace is what a lost bind mount leaves.
    /// </summary>
    /// <exception cref="CniException">Internal: it is there and cannot be opened.</exception>
    internal NetNamespace? FindPod() =>
        _failure is { } failure && !RawFile.MeansAbsent(failure.Errno)
            && failure.Errno is not (Errno.EINVAL or Errno.ELOOP or Errno.ENXIO)
            ? GetPod()
            : _pod;

    public void Dispose()
    {
        _pod?.Dispose();
        Host.Dispose();
    }

    private static (NetNamespace? Pod, LinuxException? Failure) TryOpen(string path)
    {
        try
        {
            return (path.Length == 0 ? null : NetNamespace.Open(path), null);
        }
        catch (LinuxException e)
        {
            return (null, e);
        }
    }
}

using System.Text;

namespace FlannelCni.Linux.Files;

/// <summary>
/// Kernel parameters, named by their path below /proc/sys: <c>net/ipv4/ip_forward</c> (an interface's name may hold a
/// dot). Those of net/ are of the calling thread's namespace.
/// </summary>
public static class Sysctl
{
    /// <summary>Without the final newline.</summary>
    /// <exception cref="LinuxException">ENOENT: this kernel, or this namespace, has no such parameter.</exception>
    public static string Read(string name) => Encoding.UTF8.GetString(RawFile.ReadAllBytes(PathOf(name))).TrimEnd('\n');

    /// <exception cref="LinuxException">EROFS: /proc/sys is read-only here, as in a container.</exception>
    public static void Write(string name, string value) =>
        RawFile.Overwrite(PathOf(name), Encoding.UTF8.GetBytes(value));

    private static string PathOf(string name) => $"/proc/sys/{name}";
}

using FlannelCni.Linux;
using FlannelCni.Linux.Files;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Kernel parameters that may be absent: a kernel without IPv6, a read-only /proc/sys.</summary>
internal static class OptionalSysctl
{
    internal static void Write(string name, string value)
    {
        try
        {
            Sysctl.Write(name, value);
        }
        catch (LinuxException)
        {
            // As said above: nothing that follows depends on it.
        }
    }

    /// <summary>Null: there is no such parameter.</summary>
    internal static string? Find(string name)
    {
        try
        {
            return Sysctl.Read(name);
        }
        catch (LinuxException)
        {
            return null;
        }
    }
}

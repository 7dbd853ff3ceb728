using System.Buffers.Text;
using FlannelCni.Linux.Files;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>What the kernel takes for a VXLAN device that does not say.</summary>
public static class VxlanDefaults
{
    // Older than the 4789 of RFC 7348.
    private const ushort UsualPort = 8472;

    /// <summary>UDP destination port: the module's parameter <c>udp_port</c>, which hardly anybody sets.</summary>
    public static ushort Port =>
        RawFile.ReadAllBytesIfPresent("/sys/module/vxlan/parameters/udp_port") is { } text
        && Utf8Parser.TryParse(text, out ushort port, out _)
            ? port
            : UsualPort;
}

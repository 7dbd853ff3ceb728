using System.Text;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>What ethtool sets; the kernel has an ioctl for it.</content>
public sealed partial class RtnlSocket
{
    /// <summary>Are transmitted checksums left to the device? <c>ethtool --show-features NAME</c>.</summary>
    /// <exception cref="LinuxException">ENODEV: there is no such link.</exception>
    public bool GetTxChecksumOffload(string name) =>
        Ethtool(Libc.ETHTOOL_GTXCSUM, 0, "get tx checksum offload", name) != 0;

    /// <summary><c>ethtool --features NAME tx on|off</c>.</summary>
    /// <exception cref="LinuxException">ENODEV: there is no such link. EOPNOTSUPP: it is not for choosing.</exception>
    public void SetTxChecksumOffload(string name, bool isOn) =>
        Ethtool(Libc.ETHTOOL_STXCSUM, isOn ? 1u : 0u, "set tx checksum offload", name);

    private unsafe uint Ethtool(uint command, uint data, string operation, string name)
    {
        if (Encoding.UTF8.GetByteCount(name) >= InterfaceName.Length)
        {
            throw new LinuxException($"{operation} {name}", Errno.ENODEV);
        }

        EthtoolValue value = new() { Command = command, Data = data };
        IfReq request = new() { Data = &value };
        Encoding.UTF8.GetBytes(name, request.Name);
        Errno errno = _socket.Control(Libc.SIOCETHTOOL, ref request);
        return errno == Errno.None ? value.Data : throw new LinuxException($"{operation} {name}", errno);
    }
}

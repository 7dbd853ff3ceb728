using System.Net.Sockets;
using System.Runtime.CompilerServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>Reads one notification into the list, or passes it by.</summary>
public delegate void NotificationParser<T>(in NetlinkMessage message, List<T> into);

/// <summary>Notifications of one multicast group of a netlink family, awaited.</summary>
public sealed class NetlinkMonitor : IDisposable
{
    // A datagram of notifications is one skb; the kernel makes none longer than this.
    private const int DatagramSize = 64 * 1024;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[DatagramSize];

    private NetlinkMonitor(Socket socket) => _socket = socket;

    /// <summary>Subscribes in the calling thread's network namespace.</summary>
    /// <param name="group">Its number, not its bit.</param>
    /// <param name="bufferSize">Bytes of notifications that may wait; beyond it they are lost, which is reported.</param>
    public static NetlinkMonitor Open(NetlinkFamily family, int group, int bufferSize)
    {
        using SafeFd fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, (int)family);
        Errno errno = Libc.LastError;
        if (fd.IsInvalid)
        {
            throw new LinuxException($"socket({family})", errno);
        }

        NetlinkSocket.ForceBuffer(fd, Libc.SO_RCVBUFFORCE, Libc.SO_RCVBUF, bufferSize);
        SockAddrNl address = new() { Family = Libc.AF_NETLINK };
        if (Libc.bind(fd, address, Unsafe.SizeOf<SockAddrNl>()) < 0)
        {
            throw new LinuxException("bind(netlink)", Libc.LastError);
        }

        NetlinkSocket.SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_ADD_MEMBERSHIP, group);
        SafeSocketHandle handle = new(fd.DangerousGetHandle(), ownsHandle: true);
        fd.SetHandleAsInvalid();
        return new NetlinkMonitor(new Socket(handle));
    }

    /// <summary>Waits for the next notifications and appends them.</summary>
    /// <returns>False: some were lost (ENOBUFS), so that what is known of the kernel is out of date.</returns>
    public async ValueTask<bool> ReceiveAsync<T>(
        List<T> into, NotificationParser<T> parser, CancellationToken cancellationToken)
    {
        try
        {
            int length = await _socket.ReceiveAsync(_buffer, SocketFlags.None, cancellationToken);
            foreach (NetlinkMessage message in new NetlinkReply(_buffer.AsSpan(0, length)))
            {
                parser(message, into);
            }

            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NoBufferSpaceAvailable)
        {
            return false;
        }
    }

    public void Dispose() => _socket.Dispose();
}

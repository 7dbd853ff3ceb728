// When the buffer is full the kernel drops notifications, says so once by ENOBUFS, and goes on dropping, in silence,
// until the queue is empty. So what is queued behind an ENOBUFS is thrown away before the loss is reported: whoever
// reads the tables after that report misses nothing.

using System.Net.Sockets;
using System.Runtime.CompilerServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>Reads one notification into the list, or passes it by.</summary>
public delegate void NotificationParser<T>(in NetlinkMessage message, List<T> into);

/// <summary>Notifications of one multicast group of a netlink family, awaited by one reader.</summary>
public sealed class NetlinkMonitor : IDisposable
{
    // A datagram of notifications is one skb; the kernel makes none longer than this.
    private const int DatagramSize = 64 * 1024;

    // Taken at once before the caller gets them. A flood must not make its list long: what a reader of hundreds of
    // bytes an item holds of it is memory that a large cluster's agent has for nothing else.
    private const int MaxDatagrams = 128;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[DatagramSize];

    private NetlinkMonitor(Socket socket) => _socket = socket;

    /// <summary>Subscribes in the calling thread's network namespace.</summary>
    /// <param name="group">Its number, not its bit.</param>
    /// <param name="bufferSize">Bytes of notifications that may wait; the rest is lost, which is reported.</param>
    /// <param name="ignoredPort">What this socket caused is not of interest; 0: everything is.</param>
    public static NetlinkMonitor Open(NetlinkFamily family, int group, int bufferSize, uint ignoredPort = 0)
    {
        using SafeFd fd = NetlinkSocket.OpenDescriptor(family);
        NetlinkSocket.ForceReceiveBuffer(fd, bufferSize);
        if (ignoredPort != 0)
        {
            SocketFilter.PassAllBut(fd, ignoredPort);
        }

        SockAddrNl address = new() { Family = Libc.AF_NETLINK };
        if (Libc.bind(fd, address, Unsafe.SizeOf<SockAddrNl>()) < 0)
        {
            throw new LinuxException("bind(netlink)", Libc.LastError);
        }

        NetlinkSocket.SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_ADD_MEMBERSHIP, group);
        SafeSocketHandle handle = new(fd.Number, ownsHandle: true);
        fd.SetHandleAsInvalid();
        return new NetlinkMonitor(new Socket(handle) { Blocking = false });
    }

    /// <summary>Waits for notifications and appends all that have come.</summary>
    /// <returns>False: some were lost (ENOBUFS), so that what is known of the kernel is out of date.</returns>
    public async ValueTask<bool> ReceiveAsync<T>(
        List<T> into, NotificationParser<T> parser, CancellationToken cancellationToken)
    {
        try
        {
            int length = await _socket.ReceiveAsync(_buffer, SocketFlags.None, cancellationToken);
            Read(length, into, parser);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NoBufferSpaceAvailable)
        {
            DiscardQueue();
            return false;
        }

        for (int count = 1; count < MaxDatagrams; count++)
        {
            int length = _socket.Receive(_buffer, SocketFlags.None, out SocketError error);
            switch (error)
            {
                case SocketError.Success:
                    Read(length, into, parser);
                    break;
                case SocketError.WouldBlock:
                    return true;
                case SocketError.NoBufferSpaceAvailable:
                    DiscardQueue();
                    return false;
                default:
                    throw new SocketException((int)error);
            }
        }

        return true;
    }

    public void Dispose() => _socket.Dispose();

    private void Read<T>(int length, List<T> into, NotificationParser<T> parser)
    {
        foreach (NetlinkMessage message in new NetlinkReply(_buffer.AsSpan(0, length)))
        {
            parser(message, into);
        }
    }

    private void DiscardQueue()
    {
        SocketError error;
        do
        {
            _ = _socket.Receive(_buffer, SocketFlags.None, out error);
        }
        while (error is SocketError.Success or SocketError.NoBufferSpaceAvailable);
    }
}

using FlannelCni.Linux.Netlink;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>
/// Links, addresses, routes, nexthops, neighbours and FDB entries of one network namespace: that of the thread which
/// opened the socket. Not for several threads at once. Each method names the command of iproute2 that does the same.
/// </summary>
public sealed partial class RtnlSocket : IDisposable
{
    /// <summary>Holds the longest message built here, a VXLAN device.</summary>
    private const int MessageSize = 512;

    private readonly NetlinkSocket _socket;

    private RtnlSocket(NetlinkSocket socket) => _socket = socket;

    /// <inheritdoc cref="NetlinkSocket.PortId"/>
    public uint PortId => _socket.PortId;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    public static RtnlSocket Open() => new(NetlinkSocket.Open(NetlinkFamily.NETLINK_ROUTE));

    /// <summary>Carries out a batch, in its order.</summary>
    /// <returns>The requests that were refused, by their number in the batch.</returns>
    public IReadOnlyList<BatchFailure> Execute(RtnlBatch batch) => _socket.Execute(batch.Messages);

    public void Dispose() => _socket.Dispose();
}

using System.Net.Sockets;

namespace FlannelCni.Agent.Transport;

/// <summary>Makes TCP connections that find out when their other end is gone.</summary>
/// <remarks>
/// Left alone, TCP repeats what nobody acknowledges for a quarter of an hour, and says nothing at all on a connection
/// that only waits. TCP_USER_TIMEOUT ends the one, probes the other.
/// </remarks>
internal static class TcpDialer
{
    // linux/in.h and linux/tcp.h; in milliseconds
    private const int IPPROTO_TCP = 6;
    private const int TCP_USER_TIMEOUT = 18;

    /// <param name="silence">After which without an acknowledgement the connection counts as lost.</param>
    internal static ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, TimeSpan silence, CancellationToken cancellationToken) =>
        ConnectAsync(context, silence, silence / 3, cancellationToken);

    /// <param name="silence">After which without an acknowledgement the connection counts as lost.</param>
    /// <param name="probeAfter">What of it passes before TCP asks; null: whoever uses the connection asks.</param>
    internal static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context,
        TimeSpan silence,
        TimeSpan? probeAfter,
        CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);

            // Not before: a socket with raw options refuses to try the addresses of a name one after the other.
            socket.SetRawSocketOption(
                IPPROTO_TCP, TCP_USER_TIMEOUT, BitConverter.GetBytes((int)silence.TotalMilliseconds));
            if (probeAfter is TimeSpan after)
            {
                int probe = Math.Max(1, (int)after.TotalSeconds);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, probe);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, probe);
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            }

            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

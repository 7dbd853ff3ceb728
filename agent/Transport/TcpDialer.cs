using System.Net;
using System.Net.Sockets;

namespace FlannelCni.Agent.Transport;

/// <summary>Makes TCP connections that find out when their other end is gone.</summary>
/// <remarks>
/// Left alone, TCP repeats what nobody acknowledges for a quarter of an hour, and says nothing at all on a connection
/// that only waits. TCP_USER_TIMEOUT ends the one, probes the other.
/// A name may have several addresses, of several servers. When one is silent the next is tried. A random one is the
/// first: a server that hangs takes connections all the same, and would else be the first each time.
/// </remarks>
internal static class TcpDialer
{
    // linux/in.h and linux/tcp.h; in milliseconds
    private const int IPPROTO_TCP = 6;
    private const int TCP_USER_TIMEOUT = 18;

    // Of an address that is not the last: the kernel asks a second time after one second.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

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
        DnsEndPoint name = context.DnsEndPoint;
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(name.Host, cancellationToken);
        Socket socket = await ConnectAsync(addresses, name.Port, cancellationToken);
        try
        {
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

    /// <summary>A connection to one of the addresses, whichever takes it.</summary>
    /// <exception cref="SocketException">None does; what the last one said.</exception>
    internal static async Task<Socket> ConnectAsync(
        IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancellationToken)
    {
        int first = Random.Shared.Next(Math.Max(1, addresses.Count));
        for (int i = 0; i < addresses.Count - 1; i++)
        {
            using CancellationTokenSource patience = new(s_patience, TimeProvider.System);
            using CancellationTokenSource either =
                CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            try
            {
                return await ConnectAsync(addresses[(first + i) % addresses.Count], port, either.Token);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return addresses.Count == 0
            ? throw new SocketException((int)SocketError.HostNotFound)
            : await ConnectAsync(addresses[(first + addresses.Count - 1) % addresses.Count], port, cancellationToken);
    }

    private static async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

using System.Net;
using System.Net.Sockets;
using FlannelCni.TestKit.Cri;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>In a pod: sends back what comes, by TCP and UDP at one port.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Socket _tcp;
    private readonly Socket _udp;

    internal EchoServer(CriPod pod, int port)
    {
        _tcp = pod.NewSocket(ProtocolType.Tcp);
        _udp = pod.NewSocket(ProtocolType.Udp);
        _tcp.Bind(new IPEndPoint(IPAddress.Any, port));
        _udp.Bind(new IPEndPoint(IPAddress.Any, port));
        _tcp.Listen();
        _ = AcceptAsync();
        _ = AnswerAsync();
    }

    public void Dispose()
    {
        _tcp.Dispose();
        _udp.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = EchoAsync(await _tcp.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
            _tcp.Dispose();
        }
    }

    private static async Task EchoAsync(Socket client)
    {
        byte[] buffer = new byte[1 << 10];
        try
        {
            for (int read = 1; read > 0;)
            {
                read = await client.ReceiveAsync(buffer);
                await client.SendAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client is gone: so is its connection, below.
            client.Dispose();
        }

        client.Dispose();
    }

    private async Task AnswerAsync()
    {
        byte[] buffer = new byte[1 << 10];
        try
        {
            while (true)
            {
                SocketReceiveFromResult from =
                    await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await _udp.SendToAsync(buffer.AsMemory(0, from.ReceivedBytes), from.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
            _udp.Dispose();
        }
    }
}

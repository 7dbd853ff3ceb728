using System.Net;
using System.Net.Sockets;
using FlannelCni.Agent.Transport;

namespace FlannelCni.IntegrationTests.Transport;

/// <summary>A name with several addresses, as of an API server with several machines.</summary>
public sealed class TcpDialerTests : IDisposable
{
    private static readonly IPAddress s_there = new([127, 0, 0, 2]);
    private static readonly IPAddress s_silent = new([127, 0, 0, 3]);
    private static readonly IPAddress s_refusing = new([127, 0, 0, 4]);

    private readonly List<Socket> _sockets = [];

    public void Dispose() => _sockets.ForEach(static socket => socket.Dispose());

    [Fact]
    public async Task A_machine_that_is_silent_or_refuses_is_passed_by_whatever_the_order()
    {
        Socket there = Listen(s_there, 0, backlog: 64);
        int port = ((IPEndPoint)there.LocalEndPoint!).Port;
        await ListenInSilenceAsync(port);

        for (int i = 0; i < 6; i++)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30), TimeProvider.System);
            using Socket connected =
                await TcpDialer.ConnectAsync([s_silent, s_refusing, s_there], port, limit.Token);

            Assert.Equal(new IPEndPoint(s_there, port), connected.RemoteEndPoint);
        }
    }

    [Fact]
    public async Task Several_machines_that_are_there_are_each_used()
    {
        Socket one = Listen(s_there, 0, backlog: 64);
        int port = ((IPEndPoint)one.LocalEndPoint!).Port;
        _ = Listen(s_silent, port, backlog: 64);
        HashSet<EndPoint> used = [];
        for (int i = 0; i < 50; i++)
        {
            using Socket connected =
                await TcpDialer.ConnectAsync([s_there, s_silent], port, CancellationToken.None);
            used.Add(connected.RemoteEndPoint!);
        }

        Assert.Equal(2, used.Count);
    }

    [Fact]
    public async Task Where_all_refuse_the_reason_is_told()
    {
        Socket there = Listen(s_there, 0, backlog: 1);
        int port = ((IPEndPoint)there.LocalEndPoint!).Port;

        SocketException e = await Assert.ThrowsAsync<SocketException>(
            () => TcpDialer.ConnectAsync([s_refusing, s_silent], port, CancellationToken.None));

        Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
    }

    private Socket Listen(IPAddress address, int port, int backlog)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(socket);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen(backlog);
        return socket;
    }

    /// <summary>Nobody accepts, and the queue is full: the kernel answers no further client.</summary>
    private async Task ListenInSilenceAsync(int port)
    {
        _ = Listen(s_silent, port, backlog: 0);
        while (true)
        {
            Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Add(client);
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(1), TimeProvider.System);
            try
            {
                await client.ConnectAsync(new IPEndPoint(s_silent, port), limit.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}

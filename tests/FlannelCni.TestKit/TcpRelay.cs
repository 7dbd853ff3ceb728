using System.Net;
using System.Net.Sockets;

namespace FlannelCni.TestKit;

/// <summary>A wire between client and server that a test can cut, or leave in place and let nothing through.</summary>
public sealed class TcpRelay : IDisposable
{
    private readonly IPEndPoint _there;
    private readonly Func<Socket> _newSocket;
    private readonly Lock _lock = new();
    private readonly List<Socket> _sockets = [];
    private Socket? _listener;
    private long _bytes;
    private TaskCompletionSource _open = Opened();

    /// <summary>Listens at once.</summary>
    /// <param name="here">Port 0: any free one.</param>
    /// <param name="newSocket">Makes the far ends, in another network namespace; null: in this one.</param>
    public TcpRelay(IPEndPoint here, IPEndPoint there, Func<Socket>? newSocket = null)
    {
        Here = here;
        _newSocket = newSocket ?? (() => new Socket(there.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        _there = there;
        Join();
    }

    /// <summary>For each piece of data, each way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Bytes that went through, both ways.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Where clients find it.</summary>
    public IPEndPoint Here { get; private set; }

    /// <summary>Both sides see their connections end; new ones are refused.</summary>
    public void Cut()
    {
        lock (_lock)
        {
            _listener?.Dispose();
            _listener = null;
            _sockets.ForEach(static socket => socket.Dispose());
            _sockets.Clear();
        }
    }

    /// <summary>New connections are served again.</summary>
    public void Join()
    {
        Socket listener = new(Here.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(Here);
        listener.Listen();
        Here = listener.LocalEndPoint as IPEndPoint ?? Here;
        lock (_lock)
        {
            _listener = listener;
        }

        _ = ServeAsync(listener);
    }

    /// <summary>Connections stay and can be made, but no byte passes.</summary>
    public void Freeze() => _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Bytes pass again, those that were held too.</summary>
    public void Thaw() => _open.TrySetResult();

    public void Dispose()
    {
        Cut();
        Thaw();
    }

    private static TaskCompletionSource Opened()
    {
        TaskCompletionSource open = new();
        open.SetResult();
        return open;
    }

    private async Task ServeAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptAsync(CancellationToken.None);
                Socket server = _newSocket();
                lock (_lock)
                {
                    _sockets.AddRange([client, server]);
                }

                _ = ConnectAsync(client, server);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut: there is nobody to tell.
            listener.Dispose();
        }
    }

    private async Task ConnectAsync(Socket client, Socket server)
    {
        try
        {
            await server.ConnectAsync(_there, CancellationToken.None);
            _ = PumpAsync(client, server);
            _ = PumpAsync(server, client);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody is there: the client sees its connection end.
            client.Dispose();
            server.Dispose();
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[16 << 10];
        try
        {
            for (int read = 1; read > 0;)
            {
                read = await from.ReceiveAsync(buffer, CancellationToken.None);
                if (Delay > TimeSpan.Zero)
                {
                    await Task.Delay(Delay, TimeProvider.System, CancellationToken.None);
                }

                await _open.Task;
                Interlocked.Add(ref _bytes, read);
                await to.SendAsync(buffer.AsMemory(0, read), CancellationToken.None);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or one side hung up: so does the other.
            from.Dispose();
        }

        to.Dispose();
    }
}

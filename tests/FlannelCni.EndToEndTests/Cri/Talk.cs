using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>
/// A client of an <see cref="EchoServer"/> that goes on asking, a hundred times a second, by one TCP connection and by
/// UDP: which questions were answered.
/// </summary>
internal sealed class Talk : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _loop;
    private int _answered;
    private int _lost;

    private Talk(Socket socket)
    {
        _socket = socket;
        _loop = AskAsync();
    }

    /// <summary>Questions that an answer came to.</summary>
    internal int Answered => Volatile.Read(ref _answered);

    /// <summary>Those that none came to within a second.</summary>
    internal int Lost => Volatile.Read(ref _lost);

    /// <summary>Connects, and begins.</summary>
    /// <exception cref="SocketException">Nobody is there.</exception>
    internal static async Task<Talk> StartAsync(Socket socket, IPEndPoint server)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(10), TimeProvider.System);
        await socket.ConnectAsync(server, patience.Token);
        return new Talk(socket);
    }

    /// <summary>Waits until so many more were answered.</summary>
    internal Task GoesOnAsync(int count = 20)
    {
        int before = Answered;
        return TestKit.Wait.Until(
            () => Answered >= before + count,
            TimeSpan.FromSeconds(10),
            () => $"{count} more are answered ({Answered - before} were, {Lost} lost: {_loop.Exception?.Message})");
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _socket.Dispose();
        await _loop.ContinueWith(static _ => { }, TaskScheduler.Default);
        _end.Dispose();
    }

    private async Task AskAsync()
    {
        byte[] question = new byte[4], answer = new byte[4];
        for (int number = 0; !_end.IsCancellationRequested; number++)
        {
            BinaryPrimitives.WriteInt32BigEndian(question, number);
            await _socket.SendAsync(question, _end.Token);
            if (await IsAnsweredAsync(number, answer))
            {
                Interlocked.Increment(ref _answered);
            }
            else
            {
                Interlocked.Increment(ref _lost);
            }

            await Task.Delay(s_interval, TimeProvider.System, _end.Token);
        }
    }

    // An answer that comes late is that of an older question.
    private async Task<bool> IsAnsweredAsync(int number, byte[] answer)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        patience.CancelAfter(s_patience);
        try
        {
            do
            {
                for (int read = 0; read < answer.Length;)
                {
                    int part = await _socket.ReceiveAsync(answer.AsMemory(read), patience.Token);
                    read += part > 0 ? part : throw new IOException("the server closed the connection");
                }
            }
            while (BinaryPrimitives.ReadInt32BigEndian(answer) != number);
            return true;
        }
        catch (OperationCanceledException) when (!_end.IsCancellationRequested)
        {
            return false;
        }
    }
}

using System.Net.Sockets;

namespace FlannelCni.Agent.Health;

/// <summary>One client: reads a request, answers it, hangs up. Disposing of it, from any thread, ends a wait.</summary>
internal sealed class HealthConnection(Socket client, HealthPages pages, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new(s_limit, time);
    private int _isDisposed;

    /// <exception cref="SocketException">The client is gone.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or had to make room.</exception>
    /// <exception cref="ObjectDisposedException">It had to make room.</exception>
    internal async Task ServeAsync()
    {
        client.NoDelay = true;
        byte[] buffer = new byte[HttpRequestHead.MaxLength];
        CancellationToken end = _end.Token;
        int length = await ReadHeadAsync(buffer, end);
        if (length == 0)
        {
            return;
        }

        (HttpResponse response, bool withBody) = Answer(buffer.AsSpan(0, length));
        await SendAsync(response.ToBytes(time.GetUtcNow(), withBody), end);

        // Unread bytes would turn our hanging up into a reset, which may overtake the answer.
        client.Shutdown(SocketShutdown.Send);
        for (int i = 0; i < 8 && await client.ReceiveAsync(buffer, SocketFlags.None, end) > 0; i++)
        {
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _end.Cancel();
            _end.Dispose();
            client.Dispose();
        }
    }

    private (HttpResponse Response, bool WithBody) Answer(ReadOnlySpan<byte> received)
    {
        if (!HttpRequestHead.IsComplete(received))
        {
            int status = received.Length == HttpRequestHead.MaxLength ? 431 : 400;
            return (HttpResponse.Text(status, "incomplete request\n"), true);
        }

        return HttpRequestHead.TryParse(received, out HttpRequestHead head, out int bad)
            ? (pages.Answer(head.Path), !head.IsHead)
            : (HttpResponse.Text(bad, "malformed request\n"), true);
    }

    // Until it is complete, the buffer is full, or the client has said all.
    private async Task<int> ReadHeadAsync(byte[] buffer, CancellationToken cancellationToken)
    {
        int length = 0;
        while (length < buffer.Length && !HttpRequestHead.IsComplete(buffer.AsSpan(0, length)))
        {
            int count = await client.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancellationToken);
            if (count == 0)
            {
                break;
            }

            length += count;
        }

        return length;
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await client.SendAsync(bytes, SocketFlags.None, cancellationToken)..];
        }
    }
}

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>The body of an answer through one buffer, which grows for an object that does not fit. One owner.</summary>
internal sealed class BodyReader(Stream stream, ReadTimer timer, int limit)
{
    private const int FirstSize = 32 << 10;

    private byte[] _buffer = new byte[FirstSize];
    private int _start;
    private int _end;

    /// <summary>What was read and not consumed.</summary>
    internal ReadOnlySpan<byte> Data => _buffer.AsSpan(_start, _end - _start);

    /// <summary>The first bytes are done with.</summary>
    internal void Consume(int count)
    {
        _start += count;
        if (_start == _end)
        {
            _start = _end = 0;
        }
    }

    /// <summary>Waits for more.</summary>
    /// <returns>False: the body is over.</returns>
    /// <exception cref="InvalidDataException">An object does not fit into what we hold at most.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, or the time ran out.</exception>
    internal async ValueTask<bool> FillAsync()
    {
        // Half of an object moved costs less than many small reads.
        if (_buffer.Length - _end < _buffer.Length / 2)
        {
            MakeRoom();
        }

        timer.Restart();
        int count = await stream.ReadAsync(_buffer.AsMemory(_end), timer.Token);
        _end += count;
        return count > 0;
    }

    private void MakeRoom()
    {
        byte[] into = _buffer;
        if (_start == 0 && _end < _buffer.Length)
        {
            return;
        }

        if (_start == 0)
        {
            // One byte of room more than the longest: who is at the limit is past it.
            into = _buffer.Length <= limit
                ? new byte[Math.Min(_buffer.Length * 2L, limit + 1L)]
                : throw new InvalidDataException($"an object of more than {limit} bytes");
        }

        Buffer.BlockCopy(_buffer, _start, into, 0, _end - _start);
        _buffer = into;
        _end -= _start;
        _start = 0;
    }
}

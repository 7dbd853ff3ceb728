namespace FlannelCni.TestKit.KubeApi.Faults;

/// <summary>The body of an answer that stops after so many bytes.</summary>
/// <param name="stop">What happens there; null: the rest is left out.</param>
internal sealed class FaultyBody(Stream inner, int length, Action? stop) : Stream
{
    private int _left = length;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = Math.Min(_left, buffer.Length);
        _left -= count;
        await inner.WriteAsync(buffer[..count], cancellationToken);
        if (count < buffer.Length && stop is not null)
        {
            // What was promised goes out first.
            await inner.FlushAsync(cancellationToken);
            stop();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

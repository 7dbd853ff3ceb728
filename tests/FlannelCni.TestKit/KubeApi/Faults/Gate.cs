using System.IO.Pipelines;

namespace FlannelCni.TestKit.KubeApi.Faults;

/// <summary>Lets the bytes of all connections pass, or holds them: a server that was stopped by a signal.</summary>
internal sealed class Gate
{
    private TaskCompletionSource _open = Opened();

    internal Task Open => _open.Task;

    internal void Close() =>
        Interlocked.Exchange(ref _open, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    internal void Reopen() => _open.TrySetResult();

    private static TaskCompletionSource Opened()
    {
        TaskCompletionSource open = new();
        open.SetResult();
        return open;
    }
}

/// <summary>A connection behind a <see cref="Gate"/>.</summary>
internal sealed class GatedPipe(IDuplexPipe inner, Gate gate) : IDuplexPipe
{
    public PipeReader Input { get; } = new GatedReader(inner.Input, gate);

    public PipeWriter Output { get; } = new GatedWriter(inner.Output, gate);
}

internal sealed class GatedReader(PipeReader inner, Gate gate) : PipeReader
{
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ReadResult result = await inner.ReadAsync(cancellationToken);
        await gate.Open.WaitAsync(cancellationToken);
        return result;
    }

    public override bool TryRead(out ReadResult result)
    {
        result = default;
        return gate.Open.IsCompleted && inner.TryRead(out result);
    }

    public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
        inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);
}

internal sealed class GatedWriter(PipeWriter inner, Gate gate) : PipeWriter
{
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        await gate.Open.WaitAsync(cancellationToken);
        return await inner.FlushAsync(cancellationToken);
    }

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);
}

using System.Net;
using System.Net.Http.Headers;

namespace FlannelCni.Agent.Leases.Etcd.Grpc;

/// <summary>
/// A request of one message whose stream stays open until it is disposed: a watch ends when its client has no more to
/// say. HTTP/2 sends it while the answer is already being read.
/// </summary>
internal sealed class GrpcContent : HttpContent
{
    private readonly byte[] _frame;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal GrpcContent(ReadOnlySpan<byte> message, bool staysOpen)
    {
        _frame = GrpcFrame.Wrap(message);
        Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        if (!staysOpen)
        {
            _done.SetResult();
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_frame, cancellationToken);
        await stream.FlushAsync(cancellationToken);
        await _done.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = -1;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        _done.TrySetResult();
        base.Dispose(disposing);
    }
}

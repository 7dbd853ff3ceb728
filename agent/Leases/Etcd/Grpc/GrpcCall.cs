using System.Net.Sockets;

namespace FlannelCni.Agent.Leases.Etcd.Grpc;

/// <summary>
/// Names a call in its errors, limits its time, and makes one kind of exception of all that can go wrong.
/// </summary>
/// <param name="abandoned">The connection is given up.</param>
internal sealed class GrpcCall(
    Uri endpoint, string method, TimeSpan timeout, TimeProvider time, CancellationToken abandoned)
{
    /// <summary>Awaits a step of the call.</summary>
    /// <param name="isTimed">The step has to end within the time for a request.</param>
    /// <exception cref="EtcdException">
    /// Unavailable: the connection; DeadlineExceeded: the time; Internal: the answer; ResourceExhausted: its length.
    /// </exception>
    internal async ValueTask<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<T>> step, bool isTimed, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(isTimed ? timeout : Timeout.InfiniteTimeSpan, time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken, abandoned);
        try
        {
            return await step(either.Token);
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (Exception e) when (limit.IsCancellationRequested)
        {
            throw Error(GrpcStatus.DeadlineExceeded, $"no answer within {timeout.TotalSeconds:0.#} s", e);
        }
        catch (Exception e) when (abandoned.IsCancellationRequested)
        {
            throw Error(GrpcStatus.Unavailable, "the connection was given up for a new one", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException
            or OperationCanceledException or ObjectDisposedException)
        {
            throw Error(GrpcStatus.Unavailable, Cause(e), e);
        }
        catch (MessageTooLongException e)
        {
            throw Error(GrpcStatus.ResourceExhausted, e.Message, e);
        }
        catch (InvalidDataException e)
        {
            throw Error(GrpcStatus.Internal, e.Message, e);
        }
    }

    internal EtcdException Error(GrpcStatus status, string text, Exception? innerException = null) =>
        new(
            status,
            $"{method[(method.LastIndexOf('/') + 1)..]} at {endpoint.Authority}: {text} ({status})",
            innerException);

    // The outermost says only that there is an inner one; the innermost of a TLS alert is a bare OpenSSL code.
    private static string Cause(Exception e)
    {
        string text = e.Message;
        for (Exception? inner = e.InnerException; inner is not null; inner = inner.InnerException)
        {
            text = text.Contains("inner exception", StringComparison.Ordinal) ? inner.Message : text;
        }

        return text;
    }
}

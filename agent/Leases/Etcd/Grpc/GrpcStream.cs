using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace FlannelCni.Agent.Leases.Etcd.Grpc;

/// <summary>The answer to a call, message by message, until its trailers say how it ended. One reader.</summary>
internal sealed class GrpcStream : IAsyncDisposable
{
    private readonly GrpcCall _call;
    private readonly HttpRequestMessage _request;
    private readonly HttpResponseMessage _response;
    private readonly Stream _body;

    private GrpcStream(GrpcCall call, HttpRequestMessage request, HttpResponseMessage response, Stream body)
    {
        _call = call;
        _request = request;
        _response = response;
        _body = body;
    }

    /// <summary>Takes over request and response unless it throws.</summary>
    internal static async Task<GrpcStream> OpenAsync(
        GrpcCall call, HttpRequestMessage request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw call.Error(
                    GrpcStatus.Unavailable, $"HTTP status {(int)response.StatusCode}: is this etcd's client port?");
            }

            // A call that fails at once has its trailers among the headers.
            ThrowIfFailed(call, response.Headers);
            Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return new GrpcStream(call, request, response, body);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>The next message; null when the call has ended well.</summary>
    /// <param name="isTimed">It has to come within the time for a request.</param>
    /// <exception cref="EtcdException">The call ended otherwise, or the connection did.</exception>
    internal async Task<byte[]?> ReadAsync(bool isTimed, CancellationToken cancellationToken)
    {
        byte[]? message =
            await _call.RunAsync(token => GrpcFrame.ReadAsync(_body, token), isTimed, cancellationToken);
        if (message is null)
        {
            ThrowIfFailed(_call, _response.TrailingHeaders);
        }

        return message;
    }

    /// <summary>The message of a call that has just one.</summary>
    internal async Task<byte[]> ReadOnlyMessageAsync(CancellationToken cancellationToken)
    {
        byte[] message = await ReadAsync(isTimed: true, cancellationToken)
            ?? throw _call.Error(GrpcStatus.Internal, "an answer without a message");
        await ReadAsync(isTimed: true, cancellationToken);
        return message;
    }

    public async ValueTask DisposeAsync()
    {
        _request.Dispose();
        await _body.DisposeAsync();
        _response.Dispose();
    }

    private static void ThrowIfFailed(GrpcCall call, HttpResponseHeaders headers)
    {
        if (Find(headers, "grpc-status") is string text
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code != 0)
        {
            string message = Uri.UnescapeDataString(Find(headers, "grpc-message") ?? "");
            throw call.Error((GrpcStatus)code, message);
        }
    }

    private static string? Find(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
}

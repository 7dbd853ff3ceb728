using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using FlannelCni.TestKit.Protobuf;

namespace FlannelCni.TestKit.Cri;

/// <summary>
/// A container runtime as a kubelet calls it: gRPC over a unix socket. A call is one HTTP/2 POST whose body is
/// <c>0 | length:u32be | message</c>, as is the answer's; how it went stands in the trailers.
/// </summary>
/// <remarks>k8s.io/cri-api/pkg/apis/runtime/v1/api.proto: the numbers of the fields.</remarks>
internal sealed class CriClient : IDisposable
{
    private readonly HttpClient _http;

    internal CriClient(string socketPath) => _http = new HttpClient(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });

    /// <summary>Calls <c>runtime.v1.RuntimeService</c>.</summary>
    /// <returns>The message of the answer.</returns>
    /// <exception cref="InvalidOperationException">The runtime refused; its own words.</exception>
    internal async Task<byte[]> CallAsync(string method, ProtoWriter message)
    {
        byte[] body = message.ToArray();
        byte[] frame = new byte[5 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), body.Length);
        body.CopyTo(frame, 5);
        using HttpRequestMessage request = new(HttpMethod.Post, $"http://localhost/runtime.v1.RuntimeService/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        using HttpResponseMessage response = await _http.SendAsync(request);
        byte[] answer = await response.Content.ReadAsByteArrayAsync();
        string status = Header(response, "grpc-status");
        return status == "0" && answer.Length >= 5
            ? answer[5..]
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"{method}: HTTP {(int)response.StatusCode}, gRPC {status}: {Header(response, "grpc-message")}"));
    }

    public void Dispose() => _http.Dispose();

    // Where there is no body the trailers are the headers.
    private static string Header(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values)
        || response.Headers.TryGetValues(name, out values)
            ? Uri.UnescapeDataString(string.Join(',', values))
            : "";
}

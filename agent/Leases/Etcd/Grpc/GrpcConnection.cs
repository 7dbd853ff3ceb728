using System.Net;
using System.Net.Security;
using FlannelCni.Agent.Transport;

namespace FlannelCni.Agent.Leases.Etcd.Grpc;

/// <summary>One endpoint and the HTTP/2 connection to it, which is made when needed and made again when lost.</summary>
/// <remarks>
/// Two things tell a dead connection from a quiet one. With a watch on it, the handler's pings do. Without, there are
/// only our requests, and the dialer's sockets do not wait for ever for them.
/// </remarks>
internal sealed class GrpcConnection : IDisposable
{
    private readonly SslClientAuthenticationOptions _tls;
    private readonly EtcdOptions _options;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private HttpMessageInvoker _http;

    /// <param name="tls">Ignored for an http endpoint.</param>
    internal GrpcConnection(Uri endpoint, SslClientAuthenticationOptions tls, EtcdOptions options, TimeProvider time)
    {
        Endpoint = endpoint;
        _time = time;
        _tls = tls;
        _options = options;
        _timeout = options.RequestTimeout;
        _http = NewHttp();
    }

    internal Uri Endpoint { get; }

    /// <summary>Ends all calls, as if the connection were lost; the next one makes another.</summary>
    internal void Reconnect() => Interlocked.Exchange(ref _http, NewHttp()).Dispose();

    /// <summary>One message there, one back, within the time for a request.</summary>
    /// <exception cref="EtcdException">Refused, unreachable, or too slow.</exception>
    internal async Task<byte[]> CallAsync(
        string method, byte[] message, string? token, CancellationToken cancellationToken)
    {
        await using GrpcStream stream =
            await OpenAsync(method, message, token, staysOpen: false, cancellationToken);
        return await stream.ReadOnlyMessageAsync(cancellationToken);
    }

    /// <summary>One message there, then as many back as come. Returns with the head of the answer.</summary>
    /// <param name="staysOpen">The request's side is not closed before the stream is disposed.</param>
    /// <exception cref="EtcdException">Refused, unreachable, or too slow to begin.</exception>
    internal async Task<GrpcStream> OpenAsync(
        string method, byte[] message, string? token, bool staysOpen, CancellationToken cancellationToken)
    {
        HttpRequestMessage request = new(HttpMethod.Post, new Uri(Endpoint, method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new GrpcContent(message, staysOpen),
        };
        request.Headers.TE.ParseAdd("trailers");
        request.Headers.UserAgent.ParseAdd("flanneld");
        // A member without a leader shall say so rather than be silent.
        request.Headers.Add("hasleader", "true");
        if (token is not null)
        {
            request.Headers.Add("token", token);
        }

        GrpcCall call = new(Endpoint, method, _timeout, _time);
        try
        {
            HttpResponseMessage response = await call.RunAsync(
                limited => new ValueTask<HttpResponseMessage>(Volatile.Read(ref _http).SendAsync(request, limited)),
                isTimed: true,
                cancellationToken);
            return await GrpcStream.OpenAsync(call, request, response, cancellationToken);
        }
        catch
        {
            request.Dispose();
            throw;
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpMessageInvoker NewHttp()
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = _timeout,
            KeepAlivePingDelay = _options.PingDelay,
            KeepAlivePingTimeout = _timeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = (context, cancellation) => TcpDialer.ConnectAsync(context, 3 * _timeout, cancellation),
        };
        if (Endpoint.Scheme == Uri.UriSchemeHttps)
        {
            handler.SslOptions = _tls;
        }

        return new HttpMessageInvoker(handler);
    }
}

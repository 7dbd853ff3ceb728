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
    private Session _session;

    /// <param name="tls">Ignored for an http endpoint.</param>
    internal GrpcConnection(Uri endpoint, SslClientAuthenticationOptions tls, EtcdOptions options, TimeProvider time)
    {
        Endpoint = endpoint;
        _time = time;
        _tls = tls;
        _options = options;
        _timeout = options.RequestTimeout;
        _session = NewSession();
    }

    internal Uri Endpoint { get; }

    /// <summary>Ends all calls, as if the connection were lost; the next one makes another.</summary>
    internal void Reconnect() => Interlocked.Exchange(ref _session, NewSession()).Dispose();

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

        Session session = Volatile.Read(ref _session);
        GrpcCall call = new(Endpoint, method, _timeout, _time, session.Ended);
        try
        {
            HttpResponseMessage response = await call.RunAsync(
                limited => new ValueTask<HttpResponseMessage>(session.Http.SendAsync(request, limited)),
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

    public void Dispose() => _session.Dispose();

    private Session NewSession()
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = _options.PingTimeout,
            KeepAlivePingDelay = _options.PingDelay,
            KeepAlivePingTimeout = _options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = (context, cancellation) =>
                TcpDialer.ConnectAsync(context, _timeout, probeAfter: null, cancellation),
        };
        if (Endpoint.Scheme == Uri.UriSchemeHttps)
        {
            handler.SslOptions = _tls;
        }

        return new Session(new HttpMessageInvoker(handler));
    }

    /// <summary>
    /// A handler, and the end of the calls made by it. Disposing of it does not end them, only the pings that would
    /// find out that they are dead.
    /// </summary>
    private sealed class Session : IDisposable
    {
        private readonly CancellationTokenSource _ended = new();

        internal Session(HttpMessageInvoker http) => (Http, Ended) = (http, _ended.Token);

        internal HttpMessageInvoker Http { get; }

        internal CancellationToken Ended { get; }

        public void Dispose()
        {
            _ended.Cancel();
            _ended.Dispose();
            Http.Dispose();
        }
    }
}

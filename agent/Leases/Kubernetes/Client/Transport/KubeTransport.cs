using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.Transport;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>
/// The connections to the API server: made when needed, made again when lost, and when the certificates that they were
/// made with are no longer those in the files.
/// </summary>
/// <remarks>
/// HTTP/1.1, on purpose: one request needs one connection, and what comes waits in the kernel until it is read. Of
/// HTTP/2 every frame wakes the class library up, which costs more than a heartbeat is worth. A dead connection is told
/// from a quiet one by TCP's probes. A 401 has the credentials read or asked for again, and the request sent a second
/// time if they are others.
/// </remarks>
internal sealed class KubeTransport : IDisposable
{
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);

    private readonly KubeAccess _access;
    private readonly Lock _lock = new();
    private Connections? _connections;

    internal KubeTransport(KubeAccess access, TimeProvider time)
    {
        _access = access;
        Time = time;
    }

    internal Uri Server => _access.Server;

    internal TimeProvider Time { get; }

    internal TimeSpan WatchSilence => _access.WatchSilence;

    /// <summary>Sends a request and waits for the head of the answer.</summary>
    /// <param name="request">Its path is relative to the server.</param>
    /// <exception cref="KubeApiException">It is no success, or there was none in time.</exception>
    internal async Task<KubeResponse> SendAsync(KubeRequest request, CancellationToken cancellationToken)
    {
        Credential credential = await _access.Credentials.GetAsync(cancellationToken);
        try
        {
            return await SendAsync(request, credential, cancellationToken);
        }
        catch (KubeApiException e) when (e.IsUnauthorized)
        {
            _access.Credentials.Refused(credential);
            Credential another = await _access.Credentials.GetAsync(cancellationToken);
            if (another == credential)
            {
                throw;
            }

            return await SendAsync(request, another, cancellationToken);
        }
    }

    /// <summary>What is under way on the connections there are fails, as if they were lost.</summary>
    internal void Reconnect()
    {
        lock (_lock)
        {
            _connections?.Http.Dispose();
            _connections = null;
        }
    }

    public void Dispose()
    {
        _connections?.Http.Dispose();
        _access.Credentials.Dispose();
    }

    private async Task<KubeResponse> SendAsync(
        KubeRequest request, Credential credential, CancellationToken cancellationToken)
    {
        HttpMessageInvoker http = ConnectionsFor(credential).Http;
        ReadTimer timer = new(request.Timeout, Time, cancellationToken);
        HttpResponseMessage? response = null;
        try
        {
            using HttpRequestMessage message = Compose(request, credential);
            response = await http.SendAsync(message, timer.Token);
            KubeResponse opened = await KubeResponse.OpenAsync(request.What, Server, response, timer);
            return opened;
        }
        catch (Exception e)
        {
            response?.Dispose();
            timer.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            if (e is KubeApiException)
            {
                throw;
            }

            throw Unreachable.From(request.What, Server, e);
        }
    }

    private HttpRequestMessage Compose(KubeRequest request, Credential credential)
    {
        HttpRequestMessage message = new(request.Method, new Uri(Server, request.PathAndQuery))
        {
            Version = HttpVersion.Version11,
        };
        // From here the handler takes the name for TLS, its own and that in the certificate.
        message.Headers.Host = _access.Trust.ServerName;
        message.Headers.TryAddWithoutValidation("User-Agent", "flanneld");
        message.Headers.TryAddWithoutValidation("Accept", request.Accept);
        if (credential.Authorization is not null)
        {
            message.Headers.TryAddWithoutValidation("Authorization", credential.Authorization);
        }

        foreach ((string name, string value) in _access.Headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        if (request.ContentType is not null)
        {
            message.Content = new ReadOnlyMemoryContent(request.Content);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }

        return message;
    }

    /// <summary>Those made with these certificates. Others are closed: they would outlive what was revoked.</summary>
    private Connections ConnectionsFor(Credential credential)
    {
        lock (_lock)
        {
            X509ChainPolicy? roots;
            try
            {
                roots = _access.Trust.Read();
            }
            catch (AgentFatalException e)
            {
                throw new KubeApiException(0, "", e.Message, innerException: e);
            }

            if (_connections is not { } current
                || current.Roots != roots || current.Certificate != credential.Certificate)
            {
                _connections?.Http.Dispose();
                _connections = new Connections(NewHttp(roots, credential.Certificate), roots, credential.Certificate);
            }

            return _connections;
        }
    }

    private HttpMessageInvoker NewHttp(X509ChainPolicy? roots, ClientCertificate? certificate)
    {
        SslClientAuthenticationOptions tls = new()
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateContext = certificate?.Context,
        };
        _access.Trust.Apply(tls, roots);
        SocketsHttpHandler handler = new()
        {
            UseProxy = _access.Proxy is not null,
            Proxy = _access.Proxy is null ? null : new WebProxy(_access.Proxy),
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = s_connectTimeout,
            SslOptions = tls,
            ConnectCallback = (context, cancellation) =>
                TcpDialer.ConnectAsync(context, _access.ConnectionSilence, cancellation),
        };
        return new HttpMessageInvoker(handler);
    }

    private sealed record Connections(HttpMessageInvoker Http, X509ChainPolicy? Roots, ClientCertificate? Certificate);
}

using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using FlannelCni.TestKit.KubeApi.Access;
using FlannelCni.TestKit.KubeApi.Calls;
using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Encodings.Protobuf;
using FlannelCni.TestKit.KubeApi.Faults;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Registry;
using FlannelCni.TestKit.KubeApi.Requests;
using FlannelCni.TestKit.KubeApi.Storage;

namespace FlannelCni.TestKit.KubeApi;

/// <summary>
/// The API of Kubernetes for tests, after its documented rules, over TLS: what agents, the manifests and kubectl use of
/// it. There are no controllers, no scheduler and no kubelet behind it. It can misbehave on command, and be stopped
/// and started again with what it stores.
/// </summary>
public sealed class KubeApiServer : IAsyncDisposable
{
    private static readonly string[] s_namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    private readonly KubeApiOptions _options;
    private readonly TestFolder _folder = new();
    private readonly Authority _authority = new();
    private readonly X509Certificate2 _certificate;
    private readonly Authenticator _authenticator;
    private readonly ObjectRegistry _registry;
    private readonly WatchCall _watch;
    private readonly CallHandler _handler;
    private readonly Gate _gate = new();
    private readonly ConcurrentQueue<KubeRequest> _requests = [];
    private KubeListener? _listener;

    private KubeApiServer(KubeApiOptions options)
    {
        _options = options;
        Address = options.Address ?? new IPEndPoint(IPAddress.Loopback, 0);
        _certificate = _authority.IssueServer([Address.Address, IPAddress.Loopback]);
        _authenticator = new Authenticator(_authority);
        KubeStore store = new(options.HistoryLimit);
        _registry = new ObjectRegistry(store, options.Time);
        _watch = new WatchCall(store, options.Time, options.BookmarkInterval);
        _handler = new CallHandler(
            _registry,
            _authenticator,
            new Negotiation([new JsonEncoding(), new ProtobufEncoding()], options.Time),
            new Discovery(options.Version),
            _watch,
            Faults,
            options.Time,
            options.AllowsWatchList);
        CAFile = _folder.File("ca.crt");
        File.WriteAllText(CAFile, _authority.CertificatePem);
        Token = CreateToken(KubeUser.Admin);
        foreach (string name in s_namespaces)
        {
            _ = Objects(ResourceTypes.Namespaces).Add($$$"""{"metadata":{"name":"{{{name}}}"}}""");
        }
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address { get; private set; }

    /// <summary><c>https://192.0.2.254:6443</c>.</summary>
    public string Url => $"https://{Address}";

    /// <summary>The certificate of its authority, PEM.</summary>
    public string CAFile { get; }

    /// <summary>A bearer token that may do everything.</summary>
    public string Token { get; }

    public KubeObjects Nodes => Objects(ResourceTypes.Nodes);

    public KubeObjects Pods => Objects(ResourceTypes.Pods);

    /// <summary>Events of all namespaces.</summary>
    public KubeObjects Events => Objects(ResourceTypes.Events);

    public KubeFaults Faults { get; } = new();

    /// <summary>All that was asked, oldest first; a watch is there from its beginning.</summary>
    public IReadOnlyCollection<KubeRequest> Requests => _requests;

    /// <summary>How many bookmarks its watches sent.</summary>
    public int Bookmarks => _watch.Bookmarks;

    /// <summary>The version of all that is stored.</summary>
    public long ResourceVersion => _registry.Store.Revision;

    /// <summary>One that listens.</summary>
    public static async Task<KubeApiServer> StartAsync(KubeApiOptions? options = null)
    {
        KubeApiServer server = new(options ?? new KubeApiOptions());
        await server.RestartAsync();
        return server;
    }

    public KubeObjects Objects(ResourceType type) => new(_registry, type);

    /// <summary>Listens again, at the same address, with what is stored and the same tokens.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        _listener = await KubeListener.StartAsync(
            Address,
            _options,
            _certificate,
            _gate,
            context => _handler.HandleAsync(context, _requests.Enqueue));
        Address = _listener.Address;
    }

    /// <summary>All connections end at once, and new ones are refused.</summary>
    public async Task StopAsync()
    {
        _gate.Reopen();
        if (_listener is not null)
        {
            await _listener.DisposeAsync();
            _listener = null;
        }
    }

    /// <summary>Connections stay and are taken, but no byte comes back: a server that got SIGSTOP.</summary>
    public void Pause() => _gate.Close();

    public void Resume() => _gate.Reopen();

    /// <summary>Forgets the past: who lists or watches from an older version is answered 410.</summary>
    public void Compact() => _registry.Store.Compact();

    /// <summary>Tells all open watches that their version is too old, which ends them.</summary>
    public void ExpireWatches() => _watch.Expire();

    /// <summary>A bearer token of a user, who may do what the roles say that are stored here.</summary>
    public string CreateToken(KubeUser user) => _authenticator.IssueToken(user);

    /// <summary>The token is no longer valid: 401.</summary>
    public void ExpireToken(string token) => _authenticator.Expire(token);

    /// <summary>A client's certificate and key, both PEM.</summary>
    public (string Certificate, string Key) CreateClientCertificate(KubeUser user) => _authority.IssueClient(user);

    /// <summary>Writes a kubeconfig with a bearer token.</summary>
    /// <param name="token">Null: <see cref="Token"/>.</param>
    public void WriteKubeconfig(string path, string? token = null) =>
        File.WriteAllText(path, Kubeconfig($"token: {token ?? Token}"));

    /// <summary>A kubeconfig whose user is this: <c>token: abc</c>, or several lines indented by four.</summary>
    public string Kubeconfig(string user) =>
        $"""
        apiVersion: v1
        kind: Config
        current-context: test
        clusters:
        - name: test
          cluster:
            server: {Url}
            certificate-authority: {CAFile}
        contexts:
        - name: test
          context:
            cluster: test
            user: test
        users:
        - name: test
          user:
            {user}

        """;

    /// <summary>Writes what a pod finds in /var/run/secrets/kubernetes.io/serviceaccount.</summary>
    /// <param name="token">Null: <see cref="Token"/>.</param>
    public void WriteServiceAccount(string folder, string? token = null, string @namespace = "kube-flannel")
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "token"), token ?? Token);
        File.WriteAllText(Path.Combine(folder, "namespace"), @namespace);
        File.Copy(CAFile, Path.Combine(folder, "ca.crt"), overwrite: true);
    }

    public async ValueTask DisposeAsync()
    {
        Faults.Clear();
        await StopAsync();
        Faults.Dispose();
        _watch.Dispose();
        _certificate.Dispose();
        _authority.Dispose();
        _folder.Dispose();
    }
}

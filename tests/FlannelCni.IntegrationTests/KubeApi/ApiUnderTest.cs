using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>
/// An API server and a kubectl that may do everything there. It is ours, unless FLANNEL_TEST_KUBE_APISERVER and
/// FLANNEL_TEST_ETCD name the real programs (tests/README.md).
/// </summary>
public sealed class ApiUnderTest : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private readonly List<ChildProcess> _programs = [];
    private KubeApiServer? _server;

    public Kubectl Kubectl { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        string? apiServer = Environment.GetEnvironmentVariable("FLANNEL_TEST_KUBE_APISERVER");
        string? etcd = Environment.GetEnvironmentVariable("FLANNEL_TEST_ETCD");
        string kubeconfig = _folder.File("kubeconfig");
        Kubectl = new Kubectl(kubeconfig);
        if (apiServer is null || etcd is null)
        {
            _server = await KubeApiServer.StartAsync();
            _server.WriteKubeconfig(kubeconfig);
            return;
        }

        StartReal(apiServer, etcd, kubeconfig);
        await Wait.Until(IsReady, TimeSpan.FromSeconds(60), () => File.ReadAllText(_folder.File("log")));
    }

    public async ValueTask DisposeAsync()
    {
        _programs.ForEach(static program => program.Dispose());
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        Kubectl.Dispose();
        _folder.Dispose();
    }

    private bool IsReady()
    {
        using ChildProcess get = Kubectl.Start("get namespace default");
        return get.Wait().ExitStatus == 0;
    }

    // No admission of pods needs a service account's token here, and nothing else is behind it.
    private void StartReal(string apiServer, string etcd, string kubeconfig)
    {
        (string client, string peer, string secure) = (FreePort(), FreePort(), FreePort());
        using RSA key = RSA.Create(2048);
        File.WriteAllText(_folder.File("sa.key"), key.ExportRSAPrivateKeyPem());
        File.WriteAllText(_folder.File("tokens"), "secret,admin,1,system:masters\n");
        File.WriteAllText(kubeconfig, $$"""
            apiVersion: v1
            kind: Config
            current-context: test
            clusters:
            - { name: test, cluster: { server: "https://127.0.0.1:{{secure}}", insecure-skip-tls-verify: true } }
            contexts: [ { name: test, context: { cluster: test, user: test } } ]
            users: [ { name: test, user: { token: secret } } ]
            """);
        Start(
            $"{etcd} --data-dir={_folder.File("etcd")} --listen-client-urls=http://127.0.0.1:{client} "
            + $"--advertise-client-urls=http://127.0.0.1:{client} --listen-peer-urls=http://127.0.0.1:{peer}");
        Start(
            $"{apiServer} --etcd-servers=http://127.0.0.1:{client} --secure-port={secure} --bind-address=127.0.0.1 "
            + $"--cert-dir={_folder.File("certs")} --token-auth-file={_folder.File("tokens")} "
            + $"--authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 "
            + $"--service-account-issuer=https://kubernetes.default.svc "
            + $"--service-account-key-file={_folder.File("sa.key")} "
            + $"--service-account-signing-key-file={_folder.File("sa.key")}");
    }

    private void Start(string command) => _programs.Add(ChildProcess.Start(
        "/bin/sh",
        ["-c", $"exec {command} >>{_folder.File("log")} 2>&1"],
        ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        []));

    private static string FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);
    }
}

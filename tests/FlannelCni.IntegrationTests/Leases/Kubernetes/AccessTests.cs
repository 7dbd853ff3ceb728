using System.Net;
using System.Text;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Access;

namespace FlannelCni.IntegrationTests.Leases.Kubernetes;

/// <summary>How the API server knows us, and we it; and the calls besides list and watch.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private KubeApiServer _server = null!;    // from InitializeAsync on

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync();
        _server.Nodes.Add(NodeTemplate.Create("node1", "10.244.1.0/24", "192.0.2.1"));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_node_is_read_and_its_status_patched()
    {
        await using NodeReader reader = NodeReader.Create(_server);
        NodeRecord before = await reader.Api.GetNodeAsync("node1", CancellationToken.None);

        NodeRecord after = await reader.Api.PatchNodeStatusAsync(
            "node1",
            """
            {"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-type":"vxlan"}},
             "status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"FlannelIsUp"}]}}
            """u8.ToArray(),
            CancellationToken.None);

        Assert.Equal(new NodeCondition("True", "NoRouteCreated"), before.NetworkUnavailable);
        Assert.Equal(new NodeCondition("False", "FlannelIsUp"), after.NetworkUnavailable);
        Assert.Equal("vxlan", after.Annotations.BackendType);
        Assert.True(after.ResourceVersion > before.ResourceVersion);
        Assert.Equal("KubeletReady", (string?)_server.Nodes.Find("node1")!["status"]!["conditions"]![1]!["reason"]);
    }

    [Fact]
    public async Task A_pod_says_its_node_and_an_event_is_made()
    {
        await using NodeReader reader = NodeReader.Create(_server);
        _server.Pods.Add(
            """
            {"metadata":{"name":"flannel-x"},
             "spec":{"nodeName":"node1","containers":[{"name":"a","image":"b"}]}}
            """,
            "kube-system");

        string? node = await reader.Api.FindNodeNameOfPodAsync("kube-system", "flannel-x", CancellationToken.None);
        await reader.Api.CreateEventAsync(
            "default",
            """
            {"metadata":{"generateName":"node1."},"involvedObject":{"kind":"Node","name":"node1"},
             "reason":"Test","message":"a test","type":"Normal"}
            """u8.ToArray(),
            CancellationToken.None);

        Assert.Equal("node1", node);
        Assert.Equal("a test", (string?)_server.Events.All.Single()["message"]);
    }

    [Fact]
    public async Task What_is_not_there_is_404_and_says_so()
    {
        await using NodeReader reader = NodeReader.Create(_server);

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("no-such", CancellationToken.None));

        Assert.True(e.IsNotFound);
        Assert.Equal("NotFound", e.Reason);
        Assert.Contains("get node no-such at https://", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_without_rights_is_told_what_it_lacks()
    {
        string token = _server.CreateToken(KubeUser.Named("nobody"));
        await using NodeReader reader = NodeReader.Create(_server, _server.Kubeconfig($"token: {token}"));

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.True(e.IsForbidden);
        Assert.Contains("nobody", e.Message, StringComparison.Ordinal);
        Assert.Contains("ClusterRole", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_account_whose_token_is_rotated_stays_in()
    {
        string first = _server.CreateToken(KubeUser.Admin);
        _server.WriteServiceAccount(_folder.Path, first);
        Dictionary<string, string> environment = new()
        {
            ["KUBERNETES_SERVICE_HOST"] = "127.0.0.1",
            ["KUBERNETES_SERVICE_PORT"] = $"{_server.Address.Port}",
        };
        await using NodeReader reader = NodeReader.Create(
            KubeAccessFinder.Find(null, null, environment, _folder.Path, TimeProvider.System));
        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);

        _server.ExpireToken(first);
        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));
        File.WriteAllText(_folder.File("token"), _server.CreateToken(KubeUser.Admin) + "\n");

        Assert.True(e.IsUnauthorized);
        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
    }

    [Fact]
    public async Task A_client_certificate_is_shown_and_a_replaced_one_is_taken_up()
    {
        WriteCertificate(KubeUser.Named("nobody"));
        await using NodeReader reader = NodeReader.Create(
            _server,
            _server.Kubeconfig(
                $"client-certificate: {_folder.File("tls.crt")}\n    client-key: {_folder.File("tls.key")}"));
        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));
        Assert.True(e.IsForbidden);

        WriteCertificate(KubeUser.Admin);

        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
    }

    [Fact]
    public async Task A_certificate_in_the_kubeconfig_itself()
    {
        (string certificate, string key) = _server.CreateClientCertificate(KubeUser.Admin);
        await using NodeReader reader = NodeReader.Create(
            _server,
            _server.Kubeconfig(
                $"client-certificate-data: {Base64(certificate)}\n    client-key-data: {Base64(key)}"));

        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
    }

    [Fact]
    public async Task A_plugin_is_asked_once_and_again_when_its_token_is_refused()
    {
        string token = _server.CreateToken(KubeUser.Admin);
        File.WriteAllText(_folder.File("token"), token);
        WritePlugin($$$"""
            echo x >> {{{_folder.File("calls")}}}
            [ "$GREETING" = hello ] && [ "$1" = --now ] || exit 3
            printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' \
              "$(cat {{{_folder.File("token")}}})"
            """);
        await using NodeReader reader = NodeReader.Create(_server, PluginKubeconfig());

        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
        Assert.Single(File.ReadAllLines(_folder.File("calls")));

        File.WriteAllText(_folder.File("token"), _server.CreateToken(KubeUser.Admin));
        _server.ExpireToken(token);
        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
        Assert.Equal(2, File.ReadAllLines(_folder.File("calls")).Length);
    }

    [Fact]
    public async Task A_plugin_is_asked_again_when_its_token_has_run_out()
    {
        WritePlugin($$$"""
            echo x >> {{{_folder.File("calls")}}}
            printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":'
            printf '{"token":"{{{_server.Token}}}","expirationTimestamp":"2020-01-01T00:00:00Z"}}'
            """);
        await using NodeReader reader = NodeReader.Create(_server, PluginKubeconfig());

        _ = await reader.Api.GetNodeAsync("node1", CancellationToken.None);
        _ = await reader.Api.GetNodeAsync("node1", CancellationToken.None);

        Assert.Equal(2, File.ReadAllLines(_folder.File("calls")).Length);
    }

    [Theory]
    [InlineData("echo the cloud is away >&2; exit 7", "it ended with 7: the cloud is away")]
    [InlineData("echo hello", "is no ExecCredential")]
    [InlineData(
        """printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"}'""", "v1 is expected")]
    [InlineData(
        """printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'""",
        "neither a token nor a certificate")]
    public async Task A_plugin_that_fails_is_an_error_that_says_how(string script, string says)
    {
        WritePlugin(script);
        await using NodeReader reader = NodeReader.Create(_server, PluginKubeconfig());

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.True(e.IsUnreachable);
        Assert.Contains(_folder.File("plugin"), e.Message, StringComparison.Ordinal);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_is_not_installed_comes_with_its_hint()
    {
        await using NodeReader reader = NodeReader.Create(_server, PluginKubeconfig());

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.EndsWith("there is no such file. Get it from the cloud", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not_talked_to()
    {
        await using KubeApiServer other = await KubeApiServer.StartAsync();
        await using NodeReader reader = NodeReader.Create(
            _server,
            _server.Kubeconfig($"token: {_server.Token}")
                .Replace(_server.CAFile, other.CAFile, StringComparison.Ordinal));

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.True(e.IsUnreachable);
        Assert.Contains("TLS: The remote certificate is invalid", e.Message, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_server_under_another_name_is_known_by_tls_server_name_or_not_at_all()
    {
        await using NodeReader known = NodeReader.Create(_server, WithCluster("tls-server-name: kubernetes"));
        await using NodeReader reader = NodeReader.Create(_server, WithCluster("tls-server-name: kubernetes.example"));
        Assert.Equal("node1", (await known.Api.GetNodeAsync("node1", CancellationToken.None)).Name);

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.Contains("RemoteCertificateNameMismatch", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_verification_it_works_and_is_warned_of()
    {
        string kubeconfig = WithCluster("insecure-skip-tls-verify: true")
            .Replace($"    certificate-authority: {_server.CAFile}\n", "", StringComparison.Ordinal);
        await using NodeReader reader = NodeReader.Create(_server, kubeconfig);

        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
        Assert.Equal(1, reader.Log.Count("Warning: kubeconfig"));
        Assert.Equal(1, reader.Log.Count("insecure-skip-tls-verify"));
    }

    [Fact]
    public async Task A_server_at_an_IPv6_address_is_reached()
    {
        await using KubeApiServer server =
            await KubeApiServer.StartAsync(new KubeApiOptions { Address = new(IPAddress.IPv6Loopback, 0) });
        server.Nodes.Add(NodeTemplate.Create("node6", "10.244.6.0/24", "192.0.2.6"));
        await using NodeReader reader = NodeReader.Create(server);

        Assert.Equal("node6", (await reader.Api.GetNodeAsync("node6", CancellationToken.None)).Name);
    }

    [Fact]
    public async Task Nobody_listening_is_an_error_with_address_and_cause()
    {
        await using NodeReader reader = NodeReader.Create(_server);
        await _server.StopAsync();

        KubeApiException e = await Assert.ThrowsAsync<KubeApiException>(
            () => reader.Api.GetNodeAsync("node1", CancellationToken.None));

        Assert.True(e.IsUnreachable && e.IsTransient);
        Assert.Equal($"get node node1 at {_server.Url}/: Connection refused", e.Message);
    }

    [Fact]
    public async Task A_call_ends_when_it_is_cancelled()
    {
        _server.Faults.Hang();
        await using NodeReader reader = NodeReader.Create(_server);
        using CancellationTokenSource stop = new(TimeSpan.FromMilliseconds(200), TimeProvider.System);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.Api.GetNodeAsync("node1", stop.Token));
    }

    private string WithCluster(string line) => _server.Kubeconfig($"token: {_server.Token}")
        .Replace($"    server: {_server.Url}\n", $"    server: {_server.Url}\n    {line}\n", StringComparison.Ordinal);

    private string PluginKubeconfig() => _server.Kubeconfig(
        $"""
        exec:
              apiVersion: client.authentication.k8s.io/v1
              command: {_folder.File("plugin")}
              args: [--now]
              env: [{"{name: GREETING, value: hello}"}]
              interactiveMode: Never
              installHint: Get it from the cloud
        """);

    private void WritePlugin(string script)
    {
        string file = _folder.File("plugin");
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void WriteCertificate(KubeUser user)
    {
        (string certificate, string key) = _server.CreateClientCertificate(user);
        File.WriteAllText(_folder.File("tls.crt"), certificate);
        File.WriteAllText(_folder.File("tls.key"), key);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

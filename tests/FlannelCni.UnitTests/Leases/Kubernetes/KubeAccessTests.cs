using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.Agent.Supervision;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>Which API server flags, environment and files lead to; and what is said where they lead to none.</summary>
public sealed class KubeAccessTests : IDisposable
{
    private const string Minimal =
        """
        current-context: c
        contexts: [{name: c, context: {cluster: k, user: u}}]
        clusters: [{name: k, cluster: {server: "https://api.example:6443"}}]
        users: [{name: u, user: {token: abc}}]
        """;

    private static readonly Dictionary<string, string> s_nowhere = [];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("10.96.0.1", "443", "https://10.96.0.1/")]
    [InlineData("10.96.0.1", "6443", "https://10.96.0.1:6443/")]
    [InlineData("fd00:10:96::1", "443", "https://[fd00:10:96::1]/")]
    [InlineData("kubernetes.default", "443", "https://kubernetes.default/")]
    public async Task A_pod_finds_the_server_in_its_environment(string host, string port, string server)
    {
        File.WriteAllText(_folder.File("token"), "abc\n");

        KubeAccess access = Find(null, null, Pod(host, port));

        Assert.Equal(server, access.Server.AbsoluteUri);
        Assert.Equal("Bearer abc", (await access.Credentials.GetAsync(CancellationToken.None)).Authorization);
        Assert.Contains("there is no", Assert.Single(access.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rotated_token_is_used_at_once_and_one_that_is_gone_is_kept()
    {
        File.WriteAllText(_folder.File("token"), "first");
        KubeAccess access = Find(null, null, Pod("10.96.0.1", "443"));

        File.WriteAllText(_folder.File("token"), "second");
        Credential second = await access.Credentials.GetAsync(CancellationToken.None);
        File.Delete(_folder.File("token"));
        Credential third = await access.Credentials.GetAsync(CancellationToken.None);

        Assert.Equal("Bearer second", second.Authorization);
        Assert.Equal("Bearer second", third.Authorization);
    }

    [Fact]
    public void A_pod_without_a_token_says_what_to_mount()
    {
        AgentFatalException e = Assert.Throws<AgentFatalException>(() => Find(null, null, Pod("10.96.0.1", "443")));

        Assert.Contains($"there is no {_folder.File("token")}", e.Message, StringComparison.Ordinal);
        Assert.Contains("automountServiceAccountToken", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_pod_and_flags_it_says_which_to_give()
    {
        AgentFatalException e = Assert.Throws<AgentFatalException>(() => Find("", "", s_nowhere));

        Assert.EndsWith("give --kubeconfig-file or --kube-api-url", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080/")]
    [InlineData("127.0.0.1:8080", "http://127.0.0.1:8080/")]
    [InlineData("https://rancher.example/k8s/clusters/c-1", "https://rancher.example/k8s/clusters/c-1/")]
    public async Task An_address_alone_is_asked_without_credentials_even_in_a_pod(string url, string server)
    {
        KubeAccess access = Find(url, null, Pod("10.96.0.1", "443"));

        Assert.Equal(server, access.Server.AbsoluteUri);
        Assert.Equal(new Credential(null, null), await access.Credentials.GetAsync(CancellationToken.None));
    }

    [Theory]
    [InlineData("ftp://host")]
    [InlineData("https://")]
    [InlineData("https://host/?a=b")]
    [InlineData("not a host")]
    public void An_address_that_is_none_is_named(string url)
    {
        AgentFatalException e = Assert.Throws<AgentFatalException>(() => Find(url, null, s_nowhere));

        Assert.Equal(
            $"--kube-api-url: {url} is no address of an API server; https://HOST:PORT is expected", e.Message);
    }

    [Fact]
    public async Task A_kubeconfig_leads_to_its_current_context()
    {
        KubeAccess access = Kubeconfig(Minimal);

        Assert.Equal("https://api.example:6443/", access.Server.AbsoluteUri);
        Assert.Equal("Bearer abc", (await access.Credentials.GetAsync(CancellationToken.None)).Authorization);
        Assert.EndsWith("config, context c", access.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kubeconfig_may_be_JSON() => Assert.Equal("https://api.example:6443/", Kubeconfig(
        """
        {"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],
         "clusters":[{"name":"k","cluster":{"server":"https://api.example:6443"}}]}
        """).Server.AbsoluteUri);

    [Fact]
    public void An_address_replaces_that_of_the_kubeconfig_and_its_name_for_TLS()
    {
        string text = Minimal.Replace(
            "server:", "tls-server-name: other, server:", StringComparison.Ordinal);

        Assert.Equal("other", Kubeconfig(text).Trust.ServerName);
        KubeAccess access = Kubeconfig(text, "https://192.0.2.9:6443");
        Assert.Equal("https://192.0.2.9:6443/", access.Server.AbsoluteUri);
        Assert.Null(access.Trust.ServerName);
    }

    [Fact]
    public void A_server_without_a_scheme_is_https_where_there_is_something_of_TLS()
    {
        string text = Minimal.Replace("https://", "", StringComparison.Ordinal);

        Assert.Equal("http", Kubeconfig(text).Server.Scheme);
        Assert.Equal("https", Kubeconfig(
            text.Replace("server:", "insecure-skip-tls-verify: true, server:", StringComparison.Ordinal))
            .Server.Scheme);
    }

    [Fact]
    public async Task A_token_file_is_found_from_the_folder_of_the_kubeconfig()
    {
        File.WriteAllText(_folder.File("tok"), "from-file");
        KubeAccess access = Kubeconfig(
            Minimal.Replace("token: abc", "tokenFile: tok, token: old", StringComparison.Ordinal));

        Assert.Equal("Bearer from-file", (await access.Credentials.GetAsync(CancellationToken.None)).Authorization);
    }

    [Fact]
    public async Task User_and_password()
    {
        KubeAccess access = Kubeconfig(
            Minimal.Replace("token: abc", "username: a, password: 'b:c'", StringComparison.Ordinal));

        Assert.Equal("Basic YTpiOmM=", (await access.Credentials.GetAsync(CancellationToken.None)).Authorization);
    }

    [Fact]
    public void Whom_to_act_as_goes_into_the_headers()
    {
        KubeAccess access = Kubeconfig(
            Minimal.Replace("token: abc", "token: abc, as: flannel, as-groups: [a, b]", StringComparison.Ordinal));

        Assert.Equal(
            ["Impersonate-User: flannel", "Impersonate-Group: a", "Impersonate-Group: b"],
            access.Headers.Select(static header => $"{header.Key}: {header.Value}"));
    }

    [Fact]
    public void A_proxy_is_taken() => Assert.Equal("http://proxy:3128/", Kubeconfig(
        Minimal.Replace("server:", "proxy-url: http://proxy:3128, server:", StringComparison.Ordinal))
        .Proxy!.AbsoluteUri);

    [Theory]
    [InlineData("", "", "it is empty")]
    [InlineData("current-context: c", "current-context: x", "current-context: there is no x among contexts: c")]
    [InlineData("current-context: c", "", "current-context: there is none; choose one of: c")]
    [InlineData("cluster: k,", "cluster: x,", "contexts[0].context.cluster: there is no x among clusters: k")]
    [InlineData("user: u}", "user: x}", "contexts[0].context.user: there is no x among users: u")]
    [InlineData("server:", "sever:", "clusters[0].cluster.server: there is none")]
    [InlineData("https://api.example:6443", "api example", "clusters[0].cluster.server: api example is no address")]
    [InlineData("[{name: c,", "{{name: c,", "line 2")]
    [InlineData("contexts: [", "contexts: 7 #[", "contexts: it has to be a list")]
    [InlineData("token: abc", "token: [a]", "users[0].user.token: it has to be a text")]
    [InlineData("token: abc", "token: 'a b'", "users[0].user.token: a token is expected")]
    [InlineData("token: abc", "tokenFile: no-such", "users[0].user.tokenFile: read")]
    [InlineData("token: abc", "token: a, username: b", "users[0].user.token: only one of")]
    [InlineData("token: abc", "client-key: k", "users[0].user.client-certificate: a certificate needs its key")]
    [InlineData("token: abc", "client-certificate-data: '%', client-key: k", "it has to be base64")]
    [InlineData("token: abc", "client-certificate-data: YQ==, client-key-data: YQ==", "client-certificate-data and")]
    [InlineData("token: abc", "auth-provider: {name: gcp}", "users[0].user.auth-provider: Kubernetes has removed it")]
    [InlineData("token: abc", "as-user-extra: {a: [b]}", "users[0].user.as-user-extra")]
    [InlineData("token: abc", "exec: {command: a}", "users[0].user.exec.apiVersion: there is none")]
    [InlineData("token: abc", "exec: {apiVersion: a/v1alpha1, command: a}", "a/v1alpha1 is not known")]
    [InlineData("token: abc", "exec: {apiVersion: client.authentication.k8s.io/v1}", "users[0].user.exec.command")]
    [InlineData(
        "token: abc",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Always}",
        "interactiveMode")]
    [InlineData("server:", "insecure-skip-tls-verify: maybe, server:", "it has to be true or false, not maybe")]
    [InlineData("server:", "insecure-skip-tls-verify: true, certificate-authority: ca, server:", "does not go with")]
    [InlineData("server:", "proxy-url: 'gopher://p', server:", "clusters[0].cluster.proxy-url: http://HOST:PORT")]
    public void A_kubeconfig_that_cannot_be_used_is_named_with_the_place(string part, string instead, string says)
    {
        string text = part.Length == 0 ? "" : Minimal.Replace(part, instead, StringComparison.Ordinal);

        AgentFatalException e = Assert.Throws<AgentFatalException>(() => Kubeconfig(text));

        Assert.StartsWith($"kubeconfig {_folder.File("config")}", e.Message, StringComparison.Ordinal);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kubeconfig_that_is_not_there_is_named_with_its_flag()
    {
        AgentFatalException e = Assert.Throws<AgentFatalException>(
            () => Find(null, _folder.File("none"), s_nowhere));

        Assert.StartsWith($"--kubeconfig-file: read {_folder.File("none")}: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_is_told_the_cluster_if_it_wants_to_know()
    {
        YamlFields cluster = YamlFields.Load(Write(
            """
            certificate-authority-data: YWJj
            insecure-skip-tls-verify: false
            extensions:
            - name: client.authentication.k8s.io/exec
              extension: {audience: "06e3", count: 7, deep: [true, null, '5']}
            """));

        string info = ExecInfo.Compose(
            "client.authentication.k8s.io/v1", cluster, new Uri("https://api.example:6443/"), _folder.File("config"));

        Assert.Equal(
            """
            {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{
            "server":"https://api.example:6443","certificate-authority-data":"YWJj",
            "config":{"audience":"06e3","count":7,"deep":[true,null,"5"]}},"interactive":false}}
            """.ReplaceLineEndings(""),
            info);
    }

    private KubeAccess Kubeconfig(string text, string? url = null) => Find(url, Write(text), s_nowhere);

    private string Write(string text)
    {
        File.WriteAllText(_folder.File("config"), text);
        return _folder.File("config");
    }

    private KubeAccess Find(string? url, string? kubeconfig, Dictionary<string, string> environment) =>
        KubeAccessFinder.Find(url, kubeconfig, environment, _folder.Path, TimeProvider.System);

    private static Dictionary<string, string> Pod(string host, string port) => new()
    {
        ["KUBERNETES_SERVICE_HOST"] = host,
        ["KUBERNETES_SERVICE_PORT"] = port,
    };
}

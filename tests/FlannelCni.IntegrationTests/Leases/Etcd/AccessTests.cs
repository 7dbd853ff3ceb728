using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Supervision;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>Users, passwords and certificates.</summary>
public sealed class AccessTests : IDisposable
{
    private const string Prefix = "/coreos.com/network";

    private readonly TestFolder _folder = new();
    private readonly List<EtcdServer> _servers = [];

    public void Dispose()
    {
        _servers.ForEach(static server => server.Dispose());
        _folder.Dispose();
    }

    [Fact]
    public async Task A_user_with_a_password_is_let_in_and_let_in_again_after_etcd_forgot_its_token()
    {
        EtcdServer etcd = await StartWithUsersAsync();
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with { Username = "flannel", Password = "secret" };
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();
        int logins = await etcd.CallsAsync("Authenticate");

        etcd.Kill();
        await etcd.StartAsync();
        await node.Manager.PublishAsync(EtcdNode.Vxlan("192.0.2.77"), node.Token);
        etcd.Control($"put {Prefix}/subnets/10.5.2.0-24 '{{\"PublicIP\":\"192.0.2.2\"}}'");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the watch goes on");

        Assert.Equal(1, logins);
        Assert.InRange(await etcd.CallsAsync("Authenticate"), 1, 2);
    }

    [Fact]
    public async Task A_wrong_password_is_fatal()
    {
        EtcdServer etcd = await StartWithUsersAsync();
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with { Username = "flannel", Password = "guessed" };
        await using EtcdNode node = new(options, "192.0.2.1");

        AgentFatalException e = await Assert.ThrowsAsync<AgentFatalException>(
            () => node.Manager.ReadNetworkConfigAsync(node.Token));

        Assert.StartsWith("etcd refuses the user or the password", e.Message);
        Assert.DoesNotContain("guessed", e.Message);
    }

    [Fact]
    public async Task A_missing_password_is_said_and_waited_for()
    {
        EtcdServer etcd = await StartWithUsersAsync();
        await using EtcdNode node = new(EtcdNode.Options(etcd, Prefix), "192.0.2.1");

        Task<NetworkConfig> config = node.Manager.ReadNetworkConfigAsync(node.Token);
        await node.UntilSaidAsync("user name is empty");
        etcd.Control("auth disable");

        Assert.True((await config).EnableIPv4);
    }

    [Fact]
    public async Task A_password_that_etcd_does_not_want_is_no_obstacle()
    {
        EtcdServer etcd = await StartAsync("http", "");
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with { Username = "flannel", Password = "secret" };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Log.Count("Warning"));
    }

    [Fact]
    public async Task TLS_with_certificates_on_both_sides()
    {
        EtcdServer etcd = await StartWithTlsAsync($"--client-cert-auth --trusted-ca-file={_folder.File("ca.pem")}");
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with
        {
            CaFile = _folder.File("ca.pem"),
            CertFile = _folder.File("client.pem"),
            KeyFile = _folder.File("client.key"),
        };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Log.Count("Warning"));
    }

    [Fact]
    public async Task A_certificate_names_the_user()
    {
        EtcdServer etcd = await StartWithTlsAsync($"--client-cert-auth --trusted-ca-file={_folder.File("ca.pem")}");
        AddUsers(etcd, "client");
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with
        {
            CaFile = _folder.File("ca.pem"),
            CertFile = _folder.File("client.pem"),
            KeyFile = _folder.File("client.key"),
        };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Log.Count("Warning"));
    }

    [Fact]
    public async Task A_token_that_has_run_out_is_replaced()
    {
        EtcdServer etcd = await StartWithUsersAsync("--auth-token-ttl=1");
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with { Username = "flannel", Password = "secret" };
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();
        int logins = await etcd.CallsAsync("Authenticate");

        // The token's second begins anew with each use; etcd looks at it every so often.
        await Wait.Until(
            async () =>
            {
                await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, CancellationToken.None);
                await node.Manager.PublishAsync(node.Attributes, node.Token);
                return await etcd.CallsAsync("Authenticate") > logins;
            },
            EtcdNode.Soon * 2,
            "it has logged in again");

        etcd.Control($"put {Prefix}/subnets/10.5.2.0-24 '{{\"PublicIP\":\"192.0.2.2\"}}'");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the watch goes on");
    }

    [Fact]
    public async Task TLS_with_an_authority_and_no_certificate_of_ours()
    {
        EtcdServer etcd = await StartWithTlsAsync("");
        EtcdOptions options = EtcdNode.Options(etcd, Prefix) with { CaFile = _folder.File("ca.pem") };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Log.Count("Warning"));
    }

    [Fact]
    public async Task A_server_that_nobody_vouches_for_is_not_trusted()
    {
        EtcdServer etcd = await StartWithTlsAsync("");
        await using EtcdNode node = new(EtcdNode.Options(etcd, Prefix), "192.0.2.1");

        _ = node.Manager.ReadNetworkConfigAsync(node.Token);

        await node.UntilSaidAsync("The remote certificate is invalid");
    }

    [Fact]
    public void A_certificate_file_that_is_none_is_fatal()
    {
        File.WriteAllText(_folder.File("ca.pem"), "no certificate");
        EtcdOptions options = new(
            ["https://127.0.0.1:2379"],
            Prefix,
            _folder.File("ca.pem"),
            CertFile: null,
            KeyFile: null,
            Username: null,
            Password: null,
            TimeSpan.FromMinutes(60));

        AgentFatalException e = Assert.Throws<AgentFatalException>(() => new EtcdNode(options, "192.0.2.1"));

        Assert.Equal($"--etcd-cafile: read {_folder.File("ca.pem")}: there is no certificate in it", e.Message);
    }

    private async Task<EtcdServer> StartAsync(string scheme, string options, string controlOptions = "")
    {
        EtcdServer etcd = EtcdServer.Create(scheme, options);
        _servers.Add(etcd);
        etcd.ControlOptions = controlOptions;
        await etcd.StartAsync();
        etcd.Control($"put {Prefix}/config '{{\"Network\": \"10.5.0.0/16\"}}'");
        return etcd;
    }

    private async Task<EtcdServer> StartWithUsersAsync(string options = "")
    {
        EtcdServer etcd = await StartAsync("http", options);
        AddUsers(etcd, "flannel");
        etcd.ControlOptions = "--user root:root";
        return etcd;
    }

    private static void AddUsers(EtcdServer etcd, string user)
    {
        etcd.Control("user add root:root");
        etcd.Control("user grant-role root root");
        etcd.Control("role add flannel");
        etcd.Control($"role grant-permission flannel readwrite --prefix=true {Prefix}/");
        etcd.Control($"user add {user}:secret");
        etcd.Control($"user grant-role {user} flannel");
        etcd.Control("auth enable");
    }

    private async Task<EtcdServer> StartWithTlsAsync(string options)
    {
        // The address is the server's own, so the certificate is made for any of ours.
        Shell.Run($"""
            cd {_folder.Path}
            new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
            $new -x509 -days 2 -subj /CN=ca -keyout ca.key -out ca.pem 2>&1
            for name in server client; do
              $new -subj /CN=$name -keyout $name.key -out $name.csr 2>&1
            done
            openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client.pem 2>&1
            """);
        EtcdServer etcd = EtcdServer.Create(
            "https", $"--cert-file={_folder.File("server.pem")} --key-file={_folder.File("server.key")} {options}");
        _servers.Add(etcd);
        Shell.Run($"""
            cd {_folder.Path}
            echo subjectAltName=IP:{etcd.Address} >san
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile san -out server.pem 2>&1
            """);
        etcd.ControlOptions =
            $"--cacert {_folder.File("ca.pem")} --cert {_folder.File("client.pem")} --key {_folder.File("client.key")}";
        await etcd.StartAsync();
        etcd.Control($"put {Prefix}/config '{{\"Network\": \"10.5.0.0/16\"}}'");
        return etcd;
    }
}

using System.Text.Json.Nodes;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Access;

namespace FlannelCni.EndToEndTests.Image;

/// <summary>The built image under containerd, with the rights, mounts and limits of the applied manifest.</summary>
public sealed class ImageTests : IAsyncLifetime
{
    private const string NetAdminAndRaw = "0000000000003000";

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();
    private readonly TestCluster _wire = TestCluster.Create(1);
    private KubeApiServer _api = null!;
    private ImageNode _node = null!;
    private JsonNode _pod = null!;
    private Dictionary<string, string> _folders = null!;
    private Dictionary<string, string> _variables = null!;

    public async ValueTask InitializeAsync()
    {
        _wire.Switch.Shell("ip link set lo up && ip address add 192.0.2.254/24 dev wire");
        _wire.Nodes[0].Shell("ip route add default via 192.0.2.254");
        _api = await KubeApiServer.StartAsync(new KubeApiOptions
        {
            Address = new(new System.Net.IPAddress([192, 0, 2, 254]), 6443),
            Node = _wire.Switch,
        });
        _api.Nodes.Add(NodeTemplate.Create("node-1", "10.244.1.0/24", "192.0.2.1"));
        _api.WriteKubeconfig(_folder.File("kubeconfig"));
        _api.WriteServiceAccount(
            _folder.File("account"), _api.CreateToken(KubeUser.ServiceAccount("kube-flannel", "flannel")));

        Apply();
        _node = await ImageNode.StartAsync(_wire.Nodes[0]);
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)    // containerd did start
        {
            await _node.DisposeAsync();
        }

        await _api.DisposeAsync();
        _wire.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_manifest_brings_a_node_to_readiness_and_its_rights_are_all_that_is_needed()
    {
        using ChildProcess install = Start("install-cni");
        Assert.True(install.Wait().ExitStatus == 0, _node.Log("install-cni"));
        string[] plugins = [.. Directory.GetFiles(_node.PathOf("/opt/cni/bin")).Select(Path.GetFileName).Order()!];
        Assert.Equal(["flannel", "host-local", "loopback", "portmap"], plugins);
        Assert.All(plugins, plugin => Assert.Contains(
            "\"1.0.0\"",
            Shell.Run($"CNI_COMMAND=VERSION {_node.PathOf($"/opt/cni/bin/{plugin}")} </dev/null"),
            StringComparison.Ordinal));
        Assert.Contains(
            "cniVersions",
            File.ReadAllText(_node.PathOf("/etc/cni/net.d/10-flannel.conflist")),
            StringComparison.Ordinal);

        using ChildProcess agent = Start("kube-flannel");
        await ReadyAsync();

        Assert.Contains("FLANNEL_SUBNET=10.244.1.1/24", SubnetEnv, StringComparison.Ordinal);
        Assert.Equal("192.0.2.1", _api.Nodes.Find("node-1")!["metadata"]!["annotations"]!
            ["flannel.alpha.coreos.com/public-ip"]!.ToString());
        Assert.Contains(
            "MASQUERADE", _wire.Nodes[0].Shell("iptables-nft -t nat -S FLANNEL-POSTRTG"), StringComparison.Ordinal);
        Assert.Equal(NetAdminAndRaw, _node.Status("kube-flannel", "CapEff"));
        Assert.Equal(NetAdminAndRaw, _node.Status("kube-flannel", "CapBnd"));
        Assert.Equal("1", _node.Status("kube-flannel", "NoNewPrivs"));
        Assert.Equal("2", _node.Status("kube-flannel", "Seccomp"));

        File.Delete(_node.PathOf("/opt/cni/bin/flannel"));
        await Wait.Until(
            () => File.Exists(_node.PathOf("/opt/cni/bin/flannel")), s_soon, () => _node.Log("kube-flannel"));
    }

    [Fact]
    public async Task Where_the_host_uses_legacy_iptables_so_does_the_agent()
    {
        _wire.Nodes[0].Shell("iptables-legacy -t mangle -N KUBE-IPTABLES-HINT");

        using ChildProcess agent = Start("kube-flannel");
        await ReadyAsync();

        Assert.Contains(
            "MASQUERADE", _wire.Nodes[0].Shell("iptables-legacy -t nat -S FLANNEL-POSTRTG"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_nftables_the_overlays_fewer_rights_do()
    {
        Apply("overlays/nftables");

        using ChildProcess agent = Start("kube-flannel");
        await ReadyAsync();

        Assert.Equal("0000000000001000", _node.Status("kube-flannel", "CapEff"));
        Assert.Contains(
            "masquerade", _wire.Nodes[0].Shell("nft list table ip flannel-ipv4"), StringComparison.Ordinal);
        Assert.Equal("", _wire.Nodes[0].Shell("iptables-nft-save | grep FLANNEL || true"));
    }

    private string SubnetEnv => File.ReadAllText(_node.PathOf("/run/flannel/subnet.env"));

    private ChildProcess Start(string container) => _node.Start(_pod, container, _folders, _variables);

    private async Task ReadyAsync()
    {
        const string ask =
            "bash -c \"exec 3<>/dev/tcp/127.0.0.1/8081 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3\"";
        await Wait.Until(
            () => _wire.Nodes[0].Shell($"{ask} 2>/dev/null || true").Contains(" 200 ", StringComparison.Ordinal),
            s_soon,
            () => $"it is ready: {_node.Log("kube-flannel")}");
    }

    /// <summary>Applies the manifest, or an overlay; what the pod is made of is what the API has then.</summary>
    private void Apply(string overlay = "base")
    {
        Kubectl($"apply -k {Repository.Root}/manifests/{overlay}");
        _pod = JsonNode.Parse(Kubectl("get daemonset -n kube-flannel kube-flannel-ds -o json"))!
            ["spec"]!["template"]!["spec"]!;
        JsonNode config = JsonNode.Parse(Kubectl("get configmap -n kube-flannel kube-flannel-cfg -o json"))!["data"]!;
        Directory.CreateDirectory(_folder.File("config"));
        foreach ((string name, JsonNode? content) in config.AsObject())
        {
            File.WriteAllText(_folder.File($"config/{name}"), content!.ToString());
        }

        _folders = new()
        {
            ["flannel-cfg"] = _folder.File("config"),
            ["/var/run/secrets/kubernetes.io/serviceaccount"] = _folder.File("account"),
        };
        _variables = new()
        {
            ["KUBERNETES_SERVICE_HOST"] = "192.0.2.254",
            ["KUBERNETES_SERVICE_PORT"] = "6443",
            ["spec.nodeName"] = "node-1",
            ["metadata.name"] = "kube-flannel-ds-abcde",
            ["metadata.namespace"] = "kube-flannel",
            ["status.hostIP"] = "192.0.2.1",
        };
    }

    // Beside the server.
    private string Kubectl(string arguments) => _wire.Switch.Shell(
        $"HOME={_folder.Path} kubectl --kubeconfig={_folder.File("kubeconfig")} {arguments}");
}

using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Access;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit;

/// <summary>
/// Nodes for the published agent on one wire, with a Kubernetes API server at 192.0.2.254 on it. Agent N is NODE_NAME
/// node-N, whose Node has the pod CIDRs 10.244.N.0/24 and fd00:10:244:N::/64; it may do what flannel's role says.
/// </summary>
public sealed class KubeCluster : IAsyncDisposable
{
    /// <summary>A network of vxlan with nothing special.</summary>
    public const string PlainConfig = """{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}""";

    /// <summary>The same with both families.</summary>
    public const string DualConfig =
        """
        {"Network":"10.244.0.0/16","EnableIPv6":true,"IPv6Network":"fd00:10:244::/56","Backend":{"Type":"vxlan"}}
        """;

    /// <summary>Of the annotations.</summary>
    public const string Prefix = "flannel.alpha.coreos.com/";

    private static readonly IPEndPoint s_address = new(new IPAddress([192, 0, 2, 254]), 6443);

    private readonly TestCluster _wire;
    private readonly TestFolder _folder = new();

    private KubeCluster(TestCluster wire, KubeApiServer api, string config)
    {
        (_wire, Api) = (wire, api);
        RotateToken();
        File.WriteAllText(Kubeconfig, api.Kubeconfig($"tokenFile: {_folder.File("token")}"));
        PutConfig(config);
        Nodes = [.. wire.Nodes.Select((net, i) => new AgentNode(
            i + 1,
            net,
            $"--kube-subnet-mgr --kubeconfig-file={Kubeconfig} --net-config-path={_folder.File("net-conf.json")}",
            $"NODE_NAME={NameOf(i + 1)}"))];
    }

    public KubeApiServer Api { get; }

    /// <summary>That of the agents.</summary>
    public string Token { get; private set; } = "";

    /// <summary>Of the agents.</summary>
    public string Kubeconfig => _folder.File("kubeconfig");

    /// <summary>Has the bridge that the nodes are on.</summary>
    public TestNode Switch => _wire.Switch;

    /// <summary>Node 1 is the first; all with default routes to the wire.</summary>
    public IReadOnlyList<AgentNode> Nodes { get; }

    /// <summary>One whose Nodes have pod CIDRs, and whose agents do not run yet.</summary>
    /// <param name="assigned">The first so many Nodes have pod CIDRs; null: all.</param>
    public static async Task<KubeCluster> CreateAsync(int nodes, string config = PlainConfig, int? assigned = null)
    {
        TestCluster wire = TestCluster.Create(nodes);
        try
        {
            wire.Switch.Shell("ip link set lo up && ip address add 192.0.2.254/24 dev wire");
            KubeApiServer api = await KubeApiServer.StartAsync(
                new KubeApiOptions { Address = s_address, Node = wire.Switch });
            KubeCluster cluster = new(wire, api, config);
            AddRole(api);
            foreach (AgentNode node in cluster.Nodes)
            {
                node.Net.Shell("ip route add default via 192.0.2.254 && ip route add default via 2001:db8::ffff");
                cluster.AddNode(node.Number, node.Number <= (assigned ?? nodes) ? CidrsOf(node.Number) : null);
            }

            return cluster;
        }
        catch
        {
            wire.Dispose();
            throw;
        }
    }

    /// <summary>One whose agents are ready, know each other, and have pod addresses that can be pinged.</summary>
    public static async Task<KubeCluster> StartReadyAsync(int nodes, string config = PlainConfig)
    {
        KubeCluster cluster = await CreateAsync(nodes, config);
        try
        {
            await Task.WhenAll(cluster.Nodes.Select(static node => node.StartReadyAsync()));
            foreach (AgentNode node in cluster.Nodes)
            {
                await node.KnowsAsync((config == DualConfig ? 2 : 1) * (nodes - 1));
                node.AddPodAddress();
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"node-{number}");

    public static string NameOf(AgentNode node) => NameOf(node.Number);

    /// <summary>As the controller manager gives them to node NUMBER.</summary>
    public static string CidrsOf(int number) => string.Create(
        CultureInfo.InvariantCulture, $"10.244.{number}.0/24,fd00:10:244:{number:x}::/64");

    /// <summary>Writes the agents' net-conf.json.</summary>
    public void PutConfig(string json)
    {
        File.WriteAllText(_folder.File("net-conf.new"), json);
        File.Move(_folder.File("net-conf.new"), _folder.File("net-conf.json"), overwrite: true);
    }

    /// <summary>Writes another token for the agents.</summary>
    /// <returns>The one they had, which is still good.</returns>
    public string RotateToken()
    {
        string before = Token;
        Token = Api.CreateToken(KubeUser.ServiceAccount("kube-flannel", "flannel"));
        File.WriteAllText(_folder.File("token.new"), Token);
        File.Move(_folder.File("token.new"), _folder.File("token"), overwrite: true);
        return before;
    }

    /// <summary>A Node as a kubelet registers it, with the addresses of the test cluster's node NUMBER.</summary>
    public void AddNode(int number, string? cidrs) => Api.Nodes.Add(NodeTemplate.Create(
        NameOf(number), cidrs, $"{TestCluster.Address4(number)},{TestCluster.Address6(number)}"));

    /// <summary>A pod of the DaemonSet, in kube-flannel.</summary>
    public void AddPod(string name, string node)
    {
        Api.Objects(ResourceTypes.Namespaces).Add("""{"metadata":{"name":"kube-flannel"}}""");
        Api.Pods.Add(
            $$$"""
            {"metadata": {"name": "{{{name}}}"},
             "spec": {"nodeName": "{{{node}}}", "containers": [{"name": "flannel", "image": "flannel"}]}}
            """,
            "kube-flannel");
    }

    /// <summary>An annotation of ours; null: it is absent.</summary>
    /// <param name="name">Without the prefix: <c>public-ip</c>.</param>
    public string? Annotation(int number, string name) =>
        Api.Nodes.Find(NameOf(number))?["metadata"]?["annotations"]?[Prefix + name]?.GetValue<string>();

    /// <summary>Writes annotations of ours; null removes one.</summary>
    public void Annotate(int number, params (string Name, string? Value)[] annotations) => Api.Nodes.Update(
        NameOf(number),
        node =>
        {
            if (node["metadata"]!["annotations"] is not JsonObject present)
            {
                node["metadata"]!["annotations"] = present = [];
            }

            foreach ((string name, string? value) in annotations)
            {
                _ = present.Remove(Prefix + name);
                if (value is not null)
                {
                    present[Prefix + name] = value;
                }
            }
        });

    /// <summary>The Events about a node that have this reason.</summary>
    public IEnumerable<JsonObject> EventsOf(int number, string reason) => Api.Events.All.Where(found =>
        found["reason"]?.GetValue<string>() == reason
        && found["involvedObject"]?["name"]?.GetValue<string>() == NameOf(number));

    /// <summary>The status of the condition NetworkUnavailable; null: there is none.</summary>
    public string? NetworkUnavailable(int number) => Api.Nodes.Find(NameOf(number))?["status"]?["conditions"]
        ?.AsArray().FirstOrDefault(static condition => condition?["type"]?.GetValue<string>() == "NetworkUnavailable")
        ?["status"]?.GetValue<string>();

    public async ValueTask DisposeAsync()
    {
        foreach (AgentNode node in Nodes)
        {
            node.Dispose();
        }

        await Api.DisposeAsync();
        _wire.Dispose();
        _folder.Dispose();
    }

    // What the manifest gives the agent, and no more.
    private static void AddRole(KubeApiServer api)
    {
        api.Objects(ResourceTypes.ClusterRoles).Add(
            """
            {"metadata": {"name": "flannel"}, "rules": [
              {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
              {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
              {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
              {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}]}
            """);
        api.Objects(ResourceTypes.ClusterRoleBindings).Add(
            """
            {"metadata": {"name": "flannel"},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flannel"},
             "subjects": [{"kind": "ServiceAccount", "name": "flannel", "namespace": "kube-flannel"}]}
            """);
    }
}

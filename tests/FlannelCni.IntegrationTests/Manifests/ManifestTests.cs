using System.Text.Json.Nodes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.Manifests;

/// <summary>What <c>manifests/</c> becomes when kubectl renders and applies it.</summary>
public sealed class ManifestTests : IAsyncLifetime
{
    private static readonly string s_manifests = Path.Combine(Repository.Root, "manifests");

    private readonly TestFolder _folder = new();
    private KubeApiServer _server = null!;
    private Kubectl _kubectl = null!;

    public static TheoryData<string> Overlays =>
        [.. Directory.GetDirectories($"{s_manifests}/overlays").Select(static path => Path.GetFileName(path))];

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync();
        _server.WriteKubeconfig(_folder.File("kubeconfig"));
        _kubectl = new Kubectl(_folder.File("kubeconfig"));
    }

    public async ValueTask DisposeAsync()
    {
        _kubectl.Dispose();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void The_manifest_is_what_Kustomize_makes_of_the_base() => Assert.True(
        File.ReadAllText($"{s_manifests}/kube-flannel.yml") == _kubectl.Run($"kustomize {s_manifests}/base"),
        "run manifests/render.sh, and look at the difference");

    [Theory]
    [MemberData(nameof(Overlays))]
    public void An_overlay_is_rendered_as_it_was_when_somebody_looked(string overlay)
    {
        string golden = $"{Repository.Root}/tests/FlannelCni.IntegrationTests/Manifests/Golden/{overlay}.yml";

        Assert.True(
            File.ReadAllText(golden) == _kubectl.Run($"kustomize {s_manifests}/overlays/{overlay}"),
            "run manifests/render.sh, and look at the difference");
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Everything_is_applied_and_a_second_time_nothing_changes(string overlay)
    {
        string first = _kubectl.Run($"apply -k {s_manifests}/overlays/{overlay}");
        string second = _kubectl.Run($"apply -k {s_manifests}/overlays/{overlay}");

        Assert.Equal(8, Lines(first, " created"));
        Assert.Equal(8, Lines(second, " unchanged"));
    }

    [Fact]
    public void The_optional_policy_is_applied()
    {
        string applied = _kubectl.Run($"apply -f {s_manifests}/admission-policy.yml");

        Assert.Equal(2, Lines(applied, " created"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--server-side --force-conflicts")]
    public void An_apply_over_upstream_takes_its_place(string options)
    {
        _kubectl.Run($"apply {options} -f -", UpstreamManifest);
        JsonNode before = _kubectl.Json("get daemonset -n kube-flannel kube-flannel-ds -o json");

        _kubectl.Run($"apply {options} -f {s_manifests}/kube-flannel.yml");

        JsonNode after = _kubectl.Json("get daemonset -n kube-flannel kube-flannel-ds -o json");
        Assert.Equal(before["metadata"]!["uid"]!.ToString(), after["metadata"]!["uid"]!.ToString());
        Assert.True(JsonNode.DeepEquals(before["spec"]!["selector"], after["spec"]!["selector"]));
        AssertOurs(after);
    }

    [Fact]
    public void An_upstream_that_was_not_applied_but_created_is_replaced_as_the_guide_says()
    {
        _kubectl.Run("create -f -", UpstreamManifest);

        _kubectl.Run("delete daemonset -n kube-flannel kube-flannel-ds --cascade=orphan --wait=false");
        _kubectl.Run($"apply -f {s_manifests}/kube-flannel.yml");

        AssertOurs(_kubectl.Json("get daemonset -n kube-flannel kube-flannel-ds -o json"));
    }

    /// <summary>Nothing of upstream's is left in it.</summary>
    private void AssertOurs(JsonNode daemonSet)
    {
        JsonNode pod = daemonSet["spec"]!["template"]!["spec"]!;
        Assert.Equal(["install-cni"], Names(pod["initContainers"]));
        Assert.Null(pod["initContainers"]![0]!["command"]);
        Assert.Equal(["kube-flannel"], Names(pod["containers"]));
        JsonNode agent = pod["containers"]![0]!;
        Assert.Null(agent["command"]);
        Assert.DoesNotContain("EVENT_QUEUE_DEPTH", Names(agent["env"]));
        Assert.Contains("--healthz-port=8081", agent["args"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.False(agent["securityContext"]!.AsObject().ContainsKey("privileged"));
        Assert.DoesNotContain(
            "networkpolicies", _kubectl.Run("get clusterrole flannel -o json"), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(JsonNode? list) =>
        list!.AsArray().Select(static item => item!["name"]!.ToString());

    private static int Lines(string output, string ending) =>
        output.Split('\n').Count(line => line.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>An installation with the names, labels and shape of upstream's release, and less in it.</summary>
    private const string UpstreamManifest =
        """
        apiVersion: v1
        kind: Namespace
        metadata: {name: kube-flannel, labels: {k8s-app: flannel, pod-security.kubernetes.io/enforce: privileged}}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: flannel, namespace: kube-flannel, labels: {k8s-app: flannel}}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: flannel, labels: {k8s-app: flannel}}
        rules:
        - {apiGroups: [""], resources: [pods], verbs: [get]}
        - {apiGroups: [""], resources: [nodes], verbs: [get, list, watch]}
        - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list, watch]}
        - {apiGroups: [""], resources: [nodes/status], verbs: [patch]}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: kube-flannel-cfg, namespace: kube-flannel, labels: {app: flannel, k8s-app: flannel}}
        data: {cni-conf.json: "{}", net-conf.json: "{}"}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: kube-flannel-ds, namespace: kube-flannel, labels: {app: flannel, k8s-app: flannel}}
        spec:
          selector: {matchLabels: {app: flannel, k8s-app: flannel}}
          template:
            metadata: {labels: {app: flannel, k8s-app: flannel, tier: node}}
            spec:
              hostNetwork: true
              serviceAccountName: flannel
              initContainers:
              - name: install-cni-plugin
                image: registry.invalid/plugin
                command: [cp]
                args: [-f, /flannel, /opt/cni/bin/flannel]
                volumeMounts: [{name: cni-plugin, mountPath: /opt/cni/bin}]
              - name: install-cni
                image: registry.invalid/flannel
                command: [cp]
                args: [-f, /etc/kube-flannel/cni-conf.json, /etc/cni/net.d/10-flannel.conflist]
                volumeMounts: [{name: cni, mountPath: /etc/cni/net.d}]
              containers:
              - name: kube-flannel
                image: registry.invalid/flannel
                command: [/opt/bin/flanneld]
                args: [--ip-masq, --kube-subnet-mgr]
                env: [{name: EVENT_QUEUE_DEPTH, value: "5000"}]
                securityContext: {privileged: false, capabilities: {add: [NET_ADMIN, NET_RAW]}}
                volumeMounts: [{name: run, mountPath: /run/flannel}]
              volumes:
              - {name: run, hostPath: {path: /run/flannel}}
              - {name: cni-plugin, hostPath: {path: /opt/cni/bin}}
              - {name: cni, hostPath: {path: /etc/cni/net.d}}

        """;
}

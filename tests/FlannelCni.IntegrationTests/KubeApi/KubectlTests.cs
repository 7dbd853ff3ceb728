using System.Text.Json.Nodes;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>
/// The real kubectl is the judge of the API server that other tests rely on. The same tests run against a real
/// kube-apiserver where there is one (<see cref="ApiUnderTest"/>), so that they ask for nothing that the API does not
/// promise.
/// </summary>
public sealed class KubectlTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private const string BackendType = "flannel.alpha.coreos.com/backend-type";

    // Every test has a node of its own: the server is shared.
    private readonly string _node = $"node-{Guid.NewGuid():n}";

    private Kubectl Kubectl => api.Kubectl;

    [Fact]
    public void Get_shows_a_row_for_each_node()
    {
        CreateNode();

        string[] rows = Kubectl.Run($"get nodes {_node}").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["NAME", "STATUS", "ROLES", "AGE", "VERSION"], Words(rows[0]));
        Assert.Equal([_node, "Ready", "<none>"], Words(rows[1])[..3]);
    }

    [Theory]
    [InlineData("json", "\"kind\": \"Node\"")]
    [InlineData("yaml", "kind: Node")]
    [InlineData("name", "node/")]
    public void Get_prints_a_node_in_all_forms(string form, string expected)
    {
        CreateNode();

        Assert.Contains(expected, Kubectl.Run($"get node {_node} -o {form}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_gets_what_the_server_sets()
    {
        JsonNode node = CreateNode();

        Assert.NotEqual("", node["metadata"]!["uid"]!.ToString());
        Assert.NotEqual("", node["metadata"]!["resourceVersion"]!.ToString());
        Assert.NotNull(node["metadata"]!["creationTimestamp"]);
        Assert.Equal("10.244.7.0/24", node["spec"]!["podCIDRs"]![0]!.ToString());
    }

    [Fact]
    public void What_is_not_there_is_not_found()
    {
        InvalidOperationException e =
            Assert.Throws<InvalidOperationException>(() => Kubectl.Run($"get node {_node}"));

        Assert.Contains($"(NotFound): nodes \"{_node}\" not found", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_exists_is_not_created_again()
    {
        CreateNode();

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => CreateNode());

        Assert.Contains($"(AlreadyExists)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_select()
    {
        CreateNode();
        Kubectl.Run($"label node {_node} zone=here");

        Assert.Equal($"node/{_node}", Names("-l zone=here"));
        Assert.Equal($"node/{_node}", Names("-l 'zone in (there,here),!absent'"));
        Assert.Equal("", Names("-l 'zone notin (here)'"));
        Assert.Equal("", Names("-l zone!=here"));
    }

    [Fact]
    public void Fields_select()
    {
        CreateNode();

        Assert.Equal($"node/{_node}", Kubectl.Run($"get nodes --field-selector metadata.name={_node} -o name").Trim());
    }

    [Fact]
    public void Annotations_come_change_and_go()
    {
        CreateNode();

        Kubectl.Run($"annotate node {_node} {BackendType}=vxlan");
        Kubectl.Run($"annotate node {_node} --overwrite {BackendType}=host-gw");
        Assert.Equal("host-gw", Get()["metadata"]!["annotations"]![BackendType]!.ToString());

        Kubectl.Run($"annotate node {_node} {BackendType}-");
        Assert.Null(Get()["metadata"]!["annotations"]?[BackendType]);
    }

    [Fact]
    public void A_patch_of_the_status_merges_conditions_by_type_and_takes_annotations_along()
    {
        CreateNode();

        Kubectl.Run(
            $"patch node {_node} --subresource=status --type=strategic --patch "
            + """'{"metadata":{"annotations":{"a":"b"}},"spec":{"unschedulable":true},"""
            + """
            "status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"FlannelIsUp"}]}}'
            """);

        JsonNode node = Get();
        Assert.Equal(["NetworkUnavailable=False", "Ready=True"], Conditions(node));
        Assert.Equal("b", node["metadata"]!["annotations"]!["a"]!.ToString());
        Assert.Null(node["spec"]!["unschedulable"]);
    }

    [Fact]
    public void A_patch_of_the_node_leaves_its_status_alone()
    {
        CreateNode();

        Kubectl.Run(
            $"patch node {_node} --type=strategic --patch "
            + """'{"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"False"}]}}'""");

        JsonNode node = Get();
        Assert.Equal("True", node["spec"]!["unschedulable"]!.ToString(), ignoreCase: true);
        Assert.Equal(["NetworkUnavailable=True", "Ready=True"], Conditions(node));
    }

    [Fact]
    public void A_merge_patch_replaces_lists_and_a_json_patch_edits_them()
    {
        CreateNode();

        Kubectl.Run(
            $"patch node {_node} --subresource=status --type=merge --patch "
            + """'{"status":{"conditions":[{"type":"Ready","status":"False"}]}}'""");
        Assert.Equal(["Ready=False"], Conditions(Get()));

        Kubectl.Run(
            $"patch node {_node} --subresource=status --type=json --patch "
            + """'[{"op":"replace","path":"/status/conditions/0/status","value":"True"}]'""");
        Assert.Equal(["Ready=True"], Conditions(Get()));
    }

    [Fact]
    public void A_change_of_an_older_version_is_a_conflict()
    {
        JsonNode old = CreateNode();
        Kubectl.Run($"label node {_node} newer=yes");

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => Kubectl.Run("replace -f -", old.ToJsonString()));

        Assert.Contains("(Conflict)", e.Message, StringComparison.Ordinal);
        Assert.Contains("please apply your changes to the latest version", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pod_cidr_does_not_change()
    {
        CreateNode();

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => Kubectl.Run(
            $"patch node {_node} --type=merge --patch "
            + """'{"spec":{"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24"]}}'"""));

        Assert.Contains("podCIDR", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_shows_what_is_and_then_what_changes()
    {
        CreateNode();
        using TestFolder folder = new();
        string output = folder.File("watch");
        using ChildProcess watch = Kubectl.Start($"get node {_node} --watch --output-watch-events >{output}");
        string Seen() => File.Exists(output) ? File.ReadAllText(output) : "";
        Task SeesAsync(string kind) => Wait.Until(
            () => Seen().Contains(kind, StringComparison.Ordinal),
            TimeSpan.FromSeconds(10),
            () => $"it shows {kind}: {Seen()}");
        await SeesAsync("ADDED");

        Kubectl.Run($"label node {_node} moved=yes");
        await SeesAsync("MODIFIED");

        Kubectl.Run($"delete node {_node} --wait=false");
        await SeesAsync("DELETED");
    }

    [Fact]
    public void Apply_creates_changes_removes_and_finds_nothing_to_do()
    {
        string name = $"test-{Guid.NewGuid():n}";

        Assert.Equal("created", LastWord(Kubectl.Run("apply -f -", DaemonSet(name, "one", more: true))));
        Assert.Equal("unchanged", LastWord(Kubectl.Run("apply -f -", DaemonSet(name, "one", more: true))));
        Assert.Equal("configured", LastWord(Kubectl.Run("apply -f -", DaemonSet(name, "two", more: false))));

        JsonNode spec = Kubectl.Json($"get daemonset {name} -o json")["spec"]!["template"]!["spec"]!;
        Assert.Equal("two", spec["containers"]![0]!["env"]![0]!["value"]!.ToString());
        Assert.Single((JsonArray)spec["volumes"]!);
        Kubectl.Run($"delete daemonset {name} --wait=false");
    }

    [Fact]
    public void Apply_on_the_server_removes_what_is_left_out()
    {
        string name = $"test-{Guid.NewGuid():n}";
        Kubectl.Run("apply --server-side -f -", DaemonSet(name, "one", more: true));

        Kubectl.Run("apply --server-side -f -", DaemonSet(name, "two", more: false));

        JsonNode spec = Kubectl.Json($"get daemonset {name} -o json")["spec"]!["template"]!["spec"]!;
        Assert.Equal("two", spec["containers"]![0]!["env"]![0]!["value"]!.ToString());
        Assert.Single((JsonArray)spec["volumes"]!);
        Kubectl.Run($"delete daemonset {name} --wait=false");
    }

    [Fact]
    public void A_dry_run_changes_nothing()
    {
        CreateNode();

        Kubectl.Run($"label node {_node} dry=run --dry-run=server");

        Assert.Null(Get()["metadata"]!["labels"]?["dry"]);
    }

    [Fact]
    public void A_configmap_goes_to_and_fro_as_protobuf()
    {
        string name = $"test-{Guid.NewGuid():n}";

        Kubectl.Run($"create configmap {name} --from-literal=net-conf.json='{{\"Network\":\"10.244.0.0/16\"}}'");

        JsonNode map = Kubectl.Json($"get configmap {name} -o json");
        Assert.Equal("""{"Network":"10.244.0.0/16"}""", map["data"]!["net-conf.json"]!.ToString());
        Kubectl.Run($"delete configmap {name}");
    }

    [Fact]
    public void Describe_reads_a_node_as_protobuf()
    {
        CreateNode();

        string text = Kubectl.Run($"describe node {_node}");

        Assert.Contains("PodCIDR:                      10.244.7.0/24", text, StringComparison.Ordinal);
        Assert.Contains("InternalIP:  192.0.2.7", text, StringComparison.Ordinal);
        Assert.Contains("KubeletReady", text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_that_was_posted_is_shown()
    {
        CreateNode();
        using TestFolder folder = new();
        File.WriteAllText(folder.File("event"), $$"""
            {
              "kind": "Event", "apiVersion": "v1",
              "metadata": { "generateName": "{{_node}}.", "namespace": "default" },
              "involvedObject": { "kind": "Node", "apiVersion": "v1", "name": "{{_node}}", "uid": "{{_node}}" },
              "reason": "PodCIDRNotAssigned", "message": "there is none", "type": "Warning",
              "source": { "component": "flanneld" },
              "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1
            }
            """);

        Kubectl.Run($"create --raw /api/v1/namespaces/default/events -f {folder.File("event")}");

        string events = Kubectl.Run($"get events --field-selector involvedObject.name={_node}");
        Assert.Contains("PodCIDRNotAssigned", events, StringComparison.Ordinal);
        Assert.Contains("there is none", Kubectl.Run($"events --for=node/{_node}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_namespace_goes_with_all_that_is_in_it()
    {
        string name = $"test-{Guid.NewGuid():n}";
        Kubectl.Run($"create namespace {name}");
        Kubectl.Run($"create serviceaccount flannel --namespace={name}");

        Kubectl.Run($"delete namespace {name} --wait=false");

        Assert.Throws<InvalidOperationException>(() => Kubectl.Run($"create serviceaccount b --namespace={name}"));
    }

    [Fact]
    public void Lists_come_in_chunks()
    {
        CreateNode();

        string[] names = Kubectl.Run("get nodes --chunk-size=1 -o name").Trim().Split('\n');

        Assert.Contains($"node/{_node}", names);
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void A_role_allows_what_it_says_and_no_more()
    {
        CreateNode();
        Kubectl.Run($"create clusterrole {_node} --verb=get --resource=nodes");
        Kubectl.Run($"create clusterrolebinding {_node} --clusterrole={_node} --user={_node}");

        Assert.Contains(_node, Kubectl.Run($"get node {_node} --as={_node}"), StringComparison.Ordinal);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => Kubectl.Run($"label node {_node} a=b --as={_node}"));

        Assert.Contains(
            $"(Forbidden): nodes \"{_node}\" is forbidden: User \"{_node}\" cannot patch resource \"nodes\" "
            + "in API group \"\" at the cluster scope",
            e.Message,
            StringComparison.Ordinal);
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string LastWord(string output) => output.Trim().Split(' ')[^1];

    private static IEnumerable<string> Conditions(JsonNode node) => ((JsonArray)node["status"]!["conditions"]!)
        .Select(static condition => $"{condition!["type"]}={condition["status"]}");

    private static string DaemonSet(string name, string value, bool more) =>
        $$"""
        apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: {{name}}
          namespace: default
        spec:
          selector: { matchLabels: { app: {{name}} } }
          template:
            metadata: { labels: { app: {{name}} } }
            spec:
              containers:
              - { name: kube-flannel, image: flannel, env: [ { name: A, value: {{value}} } ] }
              volumes:
              - { name: run, hostPath: { path: /run/flannel } }
              {{(more ? "- { name: lib, hostPath: { path: /var/lib/flannel } }" : "")}}
        """;

    private JsonNode CreateNode() => Kubectl.Json(
        "create -f - -o json",
        NodeTemplate.Create(_node, "10.244.7.0/24", "192.0.2.7").ToJsonString());

    private JsonNode Get() => Kubectl.Json($"get node {_node} -o json");

    private string Names(string selector) => string.Join(
        '\n',
        Kubectl.Run($"get nodes {selector} -o name").Split('\n').Where(name => name == $"node/{_node}"));
}

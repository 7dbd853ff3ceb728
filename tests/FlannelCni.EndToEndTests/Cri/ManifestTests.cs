using System.Net.Sockets;
using FlannelCni.TestKit;
using FlannelCni.TestKit.Cri;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>
/// The image of <c>./build.sh image</c>, run through CRI as <c>manifests/kube-flannel.yml</c> says; pods are attached
/// by what it installed.
/// </summary>
public sealed class ManifestTests : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _rest = [];
    private readonly List<CriPod> _pods = [];
    private readonly List<ManifestPod> _agents = [];
    private readonly TestFolder _folder = new();

    private static string Image => Path.Combine(Repository.Root, "artifacts", "image", "flanneld.tar");

    [Fact]
    public async Task Two_nodes_get_a_pod_network_from_the_manifest_alone()
    {
        Assert.SkipUnless(
            File.Exists(Image) || Environment.GetEnvironmentVariable("CI") is not null,
            "there is no image: ./build.sh image");
        KubeCluster cluster = await KubeCluster.CreateAsync(2);
        _rest.Add(cluster);
        Apply(cluster);

        List<CriNode> runtimes = [];
        foreach (AgentNode node in cluster.Nodes)
        {
            CriNode runtime = await CriNode.StartAsync(node, hasPlugins: false);
            _rest.Add(runtime);
            runtimes.Add(runtime);
            runtime.Import(Image);
            ManifestPod agent = new(cluster.Api, runtime, KubeCluster.NameOf(node));
            _agents.Add(agent);
            await agent.RunAsync();
        }

        for (int i = 0; i < cluster.Nodes.Count; i++)
        {
            AgentNode node = cluster.Nodes[i];
            ManifestPod agent = _agents[i];
            await Wait.Until(
                async () => (await node.GetAsync("/readyz")).Status == 200,
                TimeSpan.FromSeconds(30),
                () => $"the agent is ready: {agent.Log}");
            _pods.Add(await runtimes[i].RunPodAsync($"pod{i}"));
        }

        await Task.WhenAll(cluster.Nodes.Select(static node => node.KnowsAsync(1)));
        using EchoServer server = new(_pods[1], 7);
        await using Talk talk = await Talk.StartAsync(_pods[0].NewSocket(ProtocolType.Tcp), _pods[1].At(7));
        await talk.GoesOnAsync();
        await Wait.Until(
            () => cluster.NetworkUnavailable(1) == "False" && cluster.NetworkUnavailable(2) == "False",
            AgentNode.Soon,
            () => $"the nodes' networks are said to be there: {_agents[0].Log}");
        Assert.DoesNotContain(cluster.Api.Requests, static request => request.Status == 403);
    }

    public async ValueTask DisposeAsync()
    {
        _pods.ForEach(static pod => pod.Dispose());
        _agents.ForEach(static agent => agent.Dispose());
        _rest.Reverse();
        foreach (IAsyncDisposable one in _rest)
        {
            await one.DisposeAsync();
        }

        _folder.Dispose();
    }

    // The rights are those of the manifest, not those that the cluster of other tests is made with.
    private void Apply(KubeCluster cluster)
    {
        cluster.Api.Objects(ResourceTypes.ClusterRoles).Delete("flannel");
        cluster.Api.Objects(ResourceTypes.ClusterRoleBindings).Delete("flannel");
        cluster.Api.WriteKubeconfig(_folder.File("kubeconfig"));
        cluster.Switch.Shell(
            $"HOME={_folder.Path} kubectl --kubeconfig={_folder.File("kubeconfig")} apply "
            + $"-f {Repository.Root}/manifests/kube-flannel.yml");
    }
}

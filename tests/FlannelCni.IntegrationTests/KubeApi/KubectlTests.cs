using System.Text.Json.Nodes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>The real kubectl is the judge of the API server that other tests rely on.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private KubeApiServer _server = null!;
    private Kubectl _kubectl = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync();
        _server.Nodes.Add(NodeTemplate.Create("a", "10.244.1.0/24", "192.0.2.1"));
        _server.WriteKubeconfig(_folder.File("kubeconfig"));
        _kubectl = new Kubectl(_folder.File("kubeconfig"));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _kubectl.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Get_shows_a_node_and_what_it_is_made_of()
    {
        Assert.Contains("a      Ready", _kubectl.Run("get nodes"), StringComparison.Ordinal);
        Assert.Equal("10.244.1.0/24", _kubectl.Json("get node a -o json")["spec"]!["podCIDR"]!.ToString());
    }

    [Fact]
    public void A_condition_of_the_status_is_merged_by_its_type()
    {
        _kubectl.Run(
            "patch node a --subresource=status --type=strategic --patch "
            + """'{"status":{"conditions":[{"type":"NetworkUnavailable","status":"False"}]}}'""");

        JsonArray conditions = (JsonArray)_server.Nodes.Find("a")!["status"]!["conditions"]!;
        Assert.Equal(
            ["NetworkUnavailable=False", "Ready=True"],
            conditions.Select(static condition => $"{condition!["type"]}={condition["status"]}"));
    }
}

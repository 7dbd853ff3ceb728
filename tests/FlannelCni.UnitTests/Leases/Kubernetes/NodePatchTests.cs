using System.Text;
using FlannelCni.Agent.Leases.Kubernetes;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class NodePatchTests
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 4, 5, 6, 7, 891, TimeSpan.Zero);

    private readonly NodeAnnotations _wanted =
        LeaseAnnotations.Compose(Nodes.Attributes(1), NodeAnnotations.None);

    [Fact]
    public void A_bare_node_gets_all_annotations()
    {
        Assert.Equal(
            Joined(
                """
                {"metadata":{"uid":"uid-1","annotations":{
                "flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:00:01\"}",
                "flannel.alpha.coreos.com/backend-type":"vxlan",
                "flannel.alpha.coreos.com/public-ip":"192.0.2.1",
                "flannel.alpha.coreos.com/kube-subnet-manager":"true"}}}
                """),
            Text(Compose(Nodes.Bare(1))));
    }

    [Fact]
    public void Only_what_differs_is_written()
    {
        NodeRecord node = Nodes.Vxlan(1);
        node = node with { Annotations = node.Annotations with { PublicIP = "192.0.2.9", KubeSubnetManager = null } };

        NodePatch? patch = Compose(node);

        Assert.Equal(
            Joined(
                """
                {"metadata":{"uid":"uid-1","annotations":{
                "flannel.alpha.coreos.com/public-ip":"192.0.2.1",
                "flannel.alpha.coreos.com/kube-subnet-manager":"true"}}}
                """),
            Text(patch));
        Assert.Equal(
            ["flannel.alpha.coreos.com/public-ip", "flannel.alpha.coreos.com/kube-subnet-manager"],
            patch?.Annotations ?? []);
    }

    [Fact]
    public void A_node_that_is_as_it_has_to_be_is_left_alone()
    {
        Assert.Null(Compose(Nodes.Vxlan(1)));
        Assert.Null(Compose(
            Nodes.Vxlan(1) with { NetworkUnavailable = new NodeCondition("False", "RouteCreated") }, saysUp: true));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("True")]
    [InlineData("Unknown")]
    public void The_condition_is_upstream_s(string? status)
    {
        NodeRecord node = Nodes.Vxlan(1) with
        {
            NetworkUnavailable = status is null ? null : new NodeCondition(status, "NoRouteCreated"),
        };

        Assert.Null(Compose(node));
        Assert.Equal(
            Joined(
                """
                {"metadata":{"uid":"uid-1"},"status":{"conditions":[{"type":"NetworkUnavailable","status":"False",
                "lastHeartbeatTime":"2026-03-04T05:06:07Z","lastTransitionTime":"2026-03-04T05:06:07Z",
                "reason":"FlannelIsUp","message":"Flannel is running on this node"}]}}
                """),
            Text(Compose(node, saysUp: true)));
    }

    private static string Joined(string json) => json.Replace("\n", "", StringComparison.Ordinal);

    private static string Text(NodePatch? patch) => patch is null ? "" : Encoding.UTF8.GetString(patch.Json.Span);

    private NodePatch? Compose(NodeRecord node, bool saysUp = false) =>
        NodePatch.Compose(Nodes.Names, _wanted, node, saysUp, s_now);
}

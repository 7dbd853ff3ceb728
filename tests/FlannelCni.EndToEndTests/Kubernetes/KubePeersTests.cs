using System.Text.Json.Nodes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.EndToEndTests.Kubernetes;

/// <summary>Nodes come, change and go while agents run.</summary>
public sealed class KubePeersTests
{
    private const string Vtep = """{"VNI":1,"VtepMAC":"0e:00:00:00:00:c8"}""";

    [Fact]
    public async Task Nodes_that_upstream_annotated_are_peers_and_what_is_no_lease_is_skipped_with_a_line()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(1);
        AgentNode one = cluster.Nodes[0];

        AddPeer(cluster, 200, Vtep);
        AddPeer(cluster, 201, """{"VtepMAC":"0e:00:00:00:00:c9"}""");
        AddPeer(cluster, 202, """{"VNI":7,"VtepMAC":"0e:00:00:00:00:ca"}""");
        AddPeer(cluster, 203, "garbage");
        AddPeer(cluster, 204, "null", type: "host-gw");
        AddPeer(cluster, 205, """{"VNI":1,"VtepMAC":"0e:00:00:00:00:cd"}""", publicIP: "10.0.0.300");
        AddPeer(cluster, 206, """{"VNI":1,"VtepMAC":"0e:00:00:00:00:ce"}""", publicIP: "127.0.0.1");
        AddPeer(cluster, 207, """{"VNI":1,"VtepMAC":"0e:00:00:00:00:cf"}""", isFlannels: "false");

        await one.KnowsAsync(2);
        await Wait.Until(() => one.LogCount("node-206 refused") == 1, AgentNode.Soon, () => one.Log);
        string routes = one.Net.Shell("ip route show dev flannel.1");
        Assert.Contains("10.244.200.0/24 via 10.244.200.0 onlink", routes, StringComparison.Ordinal);
        Assert.Contains("10.244.201.0/24 via 10.244.201.0 onlink", routes, StringComparison.Ordinal);
        Assert.Equal(2, routes.Split("onlink").Length - 1);
        Assert.Equal(1, one.LogCount("Lease node-202 refused: its VNI is 7, ours is 1"));
        Assert.Equal(1, one.LogCount("Lease node-203 refused: backend data is no JSON: garbage"));
        Assert.Equal(1, one.LogCount("Lease node-204 refused: its backend is \"host-gw\", ours is vxlan"));
        Assert.Equal(1, one.LogCount(
            "Node node-205: flannel.alpha.coreos.com/public-ip \"10.0.0.300\" is no IPv4 address"));
        Assert.Equal(0, one.LogCount("node-207"));

        cluster.Annotate(203, ("backend-data", """{"VNI":1,"VtepMAC":"0e:00:00:00:00:cb"}"""));
        await one.KnowsAsync(3);
        cluster.Api.Nodes.Delete("node-200");
        await one.KnowsAsync(2);
    }

    [Fact]
    public async Task Stripped_annotations_cost_no_packet_and_come_back()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        using FlannelCni.Linux.Processes.ChildProcess flood = one.StartPing(two, "-i 0.02 -c 150 -W 2");

        cluster.Api.Nodes.Update("node-2", static node => node["metadata"]!.AsObject().Remove("annotations"));

        await Wait.Until(
            () => cluster.Annotation(2, "kube-subnet-manager") == "true"
                && cluster.Annotation(2, "backend-data")?.Contains(two.Mac, StringComparison.Ordinal) == true,
            AgentNode.Soon,
            () => $"they are back: {two.Log}");
        Assert.Equal((150, 150), AgentNode.PingResult(flood));
        Assert.Equal(1, two.LogCount("Somebody else changed flannel.alpha.coreos.com/backend-data"));
        Assert.Equal(0, one.LogCount("Peer removed"));
        await Wait.Until(
            () => cluster.EventsOf(2, "FlannelAnnotationsChanged").Any(), AgentNode.Soon, "an Event says so");
    }

    [Fact]
    public async Task A_node_made_anew_with_another_pod_CIDR_is_followed_by_itself_and_by_others()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);

        cluster.Api.Nodes.Delete("node-2");
        await one.KnowsAsync(0);
        cluster.AddNode(2, null);
        await Wait.Until(
            () => cluster.Annotation(2, "kube-subnet-manager") == "true",
            AgentNode.Soon,
            () => $"it is back: {two.Log}");
        cluster.Api.Nodes.Update("node-2", static node => NodeTemplate.AssignPodCidrs(node, "10.244.77.0/24"));

        await Wait.Until(
            () => two.Subnet == "10.244.77.0/24", AgentNode.Soon, () => $"subnet.env has the new one: {two.Log}");
        two.Net.Shell("ip link delete pods");
        two.AddPodAddress();
        await one.ReachesAsync(two);
        Assert.DoesNotContain("10.244.2.0", one.Net.Shell("ip route"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_with_one_pod_CIDR_are_named_on_both_and_the_older_keeps_working()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(3, assigned: 2);
        Array.ForEach([0, 1], i => cluster.Nodes[i].Start());
        await cluster.Nodes[0].KnowsAsync(1);
        await cluster.Nodes[1].KnowsAsync(1);
        cluster.Api.Nodes.Update("node-3", static node => NodeTemplate.AssignPodCidrs(node, "10.244.2.0/24"));

        await cluster.Nodes[2].StartReadyAsync();

        foreach (int number in (int[])[2, 3])
        {
            await Wait.Until(
                () => cluster.EventsOf(number, "OverlappingPodCIDR").Any(), AgentNode.Soon, "an Event says so");
            Assert.Equal(1, cluster.Nodes[number - 1].LogCount("have overlapping pod CIDRs"));
        }

        Assert.Contains(
            cluster.Nodes[1].Mac,
            cluster.Nodes[0].Net.Shell("ip neighbour show 10.244.2.0 dev flannel.1"),
            StringComparison.Ordinal);
        Assert.Empty(cluster.EventsOf(1, "OverlappingPodCIDR"));
    }

    [Fact]
    public async Task Two_nodes_with_one_public_address_are_named_on_both()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(2);
        cluster.Annotate(2, ("public-ip-overwrite", "192.0.2.1"));

        await Task.WhenAll(cluster.Nodes.Select(static node => node.StartReadyAsync()));

        foreach (int number in (int[])[1, 2])
        {
            await Wait.Until(
                () => cluster.EventsOf(number, "DuplicatePublicIP").Any(),
                AgentNode.Soon,
                () => $"an Event says so: {cluster.Nodes[number - 1].Log}");
        }
    }

    [Fact]
    public async Task The_condition_is_cleared_again_when_somebody_sets_it()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(1);
        await Wait.Until(() => cluster.NetworkUnavailable(1) == "False", AgentNode.Soon, "it is cleared");

        cluster.Api.Nodes.UpdateStatus("node-1", static node =>
        {
            foreach (JsonNode? condition in node["status"]!["conditions"]!.AsArray())
            {
                if (condition!["type"]!.GetValue<string>() == "NetworkUnavailable")
                {
                    condition["status"] = "True";
                }
            }
        });

        await Wait.Until(() => cluster.NetworkUnavailable(1) == "False", AgentNode.Soon, "it is cleared again");
    }

    // As upstream's agent of another machine.
    private static void AddPeer(
        KubeCluster cluster,
        int number,
        string data,
        string type = "vxlan",
        string? publicIP = null,
        string isFlannels = "true")
    {
        cluster.AddNode(number, $"10.244.{number}.0/24");
        cluster.Annotate(
            number,
            ("backend-data", data),
            ("backend-type", type),
            ("kube-subnet-manager", isFlannels),
            ("public-ip", publicIP ?? $"192.0.2.{number}"));
    }
}

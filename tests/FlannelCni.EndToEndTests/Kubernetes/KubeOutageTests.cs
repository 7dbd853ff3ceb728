using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.EndToEndTests.Kubernetes;

/// <summary>An API server that goes, comes, and misbehaves while pods talk.</summary>
public sealed class KubeOutageTests
{
    [Theory]
    [InlineData("killed")]
    [InlineData("paused")]
    [InlineData("401")]
    [InlineData("403")]
    [InlineData("429")]
    [InlineData("500")]
    [InlineData("410")]
    [InlineData("garbage")]
    [InlineData("empty")]
    [InlineData("compacted")]
    public async Task An_API_server_in_trouble_costs_no_packet_and_what_happened_meanwhile_is_found_out(string trouble)
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        KubeApiServer api = cluster.Api;
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        ChildProcess flood = one.StartPing(two, "-i 0.02 -c 200 -W 2");

        await BreakAsync(api, trouble);
        cluster.AddNode(200, "10.244.200.0/24");
        cluster.Annotate(
            200,
            ("backend-data", """{"VNI":1,"VtepMAC":"0e:00:00:00:00:c8"}"""),
            ("backend-type", "vxlan"),
            ("kube-subnet-manager", "true"),
            ("public-ip", "192.0.2.200"));
        Assert.Equal((200, 200), AgentNode.PingResult(flood));
        Assert.Equal(200, (await one.GetAsync("/readyz")).Status);

        api.Resume();
        api.Faults.Clear();
        await api.RestartAsync();

        await Wait.Until(
            async () => await one.MetricAsync("flannel_peers{state=\"admitted\"}") == 2,
            TimeSpan.FromSeconds(60),
            () => $"the new node is found: {one.Log}");
        Assert.Equal(0, one.LogCount("Peer removed"));
        Assert.Equal((3, 3), one.Ping(two));
    }

    [Fact]
    public async Task Connections_whose_packets_are_lost_without_a_word_are_found_out_and_made_again()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        AgentNode one = cluster.Nodes[0];
        cluster.Switch.Shell(
            "ports=$(ss -Htn state established sport = 6443 | sed 's/.*://' | paste -sd,) && "
            + "nft add table ip cut && "
            + "nft add chain ip cut input '{ type filter hook input priority 0 ; }' && "
            + "nft add chain ip cut output '{ type filter hook output priority 0 ; }' && "
            + "nft add rule ip cut input tcp dport 6443 tcp sport { $ports } drop && "
            + "nft add rule ip cut output tcp sport 6443 tcp dport { $ports } drop");
        cluster.AddNode(200, "10.244.200.0/24");
        cluster.Annotate(
            200,
            ("backend-data", """{"VNI":1,"VtepMAC":"0e:00:00:00:00:c8"}"""),
            ("backend-type", "vxlan"),
            ("kube-subnet-manager", "true"),
            ("public-ip", "192.0.2.200"));

        // Promised are 30 seconds.
        await Wait.Until(
            async () => await one.MetricAsync("flannel_peers{state=\"admitted\"}") == 2,
            TimeSpan.FromSeconds(150),
            () => $"the new node is found: {one.Log}");
        Assert.Equal(0, one.LogCount("Peer removed"));
    }

    [Fact]
    public async Task A_node_that_boots_while_the_API_is_away_has_its_network_from_disk()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        await Wait.Until(
            () => File.Exists(one.PathOf("/var/lib/flannel/nodes.json")), AgentNode.Soon, "the Nodes are kept");
        string mac = one.Mac;
        one.Agent.Kill();
        await one.Agent.EndAsync();
        await cluster.Api.StopAsync();
        one.Net.Shell("ip link delete flannel.1 && ip link delete pods");
        Directory.Delete(one.PathOf("/run/flannel"), recursive: true);

        one.Start();
        await Wait.Until(
            () => File.Exists(one.PathOf("/run/flannel/subnet.env")),
            TimeSpan.FromSeconds(30),
            () => $"subnet.env is there: {one.Log}");

        one.AddPodAddress();
        await one.ReachesAsync(two);
        await one.ReadyAsync();
        Assert.Equal("10.244.1.0/24", one.Subnet);
        Assert.Equal(mac, one.Mac);
        Assert.Equal(1, one.LogCount("the lease of this node, node-1, and those of 1 peers are taken from disk"));

        cluster.Api.Nodes.Delete("node-2");
        cluster.Annotate(1, ("public-ip", "192.0.2.9"));
        await cluster.Api.RestartAsync();
        await one.KnowsAsync(0);
        await Wait.Until(
            () => cluster.Annotation(1, "public-ip") == "192.0.2.1",
            AgentNode.Soon,
            () => $"it is published: {one.Log}");
    }

    [Fact]
    public async Task Without_NODE_NAME_too_the_same_pod_starts_again_from_disk()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1);
        AgentNode node = cluster.Nodes[0];
        cluster.AddPod("ds-abc", "node-1");
        const string Pod = "NODE_NAME= POD_NAME=ds-abc POD_NAMESPACE=kube-flannel";
        await node.StartReadyAsync(environment: Pod);
        await Wait.Until(
            () => File.Exists(node.PathOf("/var/lib/flannel/nodes.json")), AgentNode.Soon, "the Nodes are kept");
        node.Agent.Kill();
        await node.Agent.EndAsync();
        await cluster.Api.StopAsync();
        node.Net.Shell("ip link delete flannel.1");
        Directory.Delete(node.PathOf("/run/flannel"), recursive: true);

        node.Start(environment: Pod);

        await Wait.Until(
            () => File.Exists(node.PathOf("/run/flannel/subnet.env")),
            TimeSpan.FromSeconds(30),
            () => $"subnet.env is there: {node.Log}");
        Assert.Equal("10.244.1.0/24", node.Subnet);
    }

    [Fact]
    public async Task A_restart_while_the_API_is_away_removes_nothing_that_came_since()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2);
        AgentNode one = cluster.Nodes[0];
        await Wait.Until(
            () => File.Exists(one.PathOf("/var/lib/flannel/nodes.json")), AgentNode.Soon, "the Nodes are kept");
        one.Agent.Kill();
        await one.Agent.EndAsync();

        // As if the peer were newer than the file.
        string file = one.PathOf("/var/lib/flannel/nodes.json");
        await File.WriteAllLinesAsync(
            file,
            (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken))
                .Where(static line => !line.Contains("\"name\":\"node-2\"", StringComparison.Ordinal)),
            TestContext.Current.CancellationToken);
        await cluster.Api.StopAsync();
        ChildProcess flood = one.StartPing(cluster.Nodes[1], "-i 0.05 -c 200 -W 2");

        one.Start();
        await Wait.Until(() => one.LogCount("Peers in sync") == 2, TimeSpan.FromSeconds(30), () => one.Log);

        Assert.Equal((200, 200), AgentNode.PingResult(flood));
        await cluster.Api.RestartAsync();
        await one.KnowsAsync(1);
    }

    private static async Task BreakAsync(KubeApiServer api, string trouble)
    {
        switch (trouble)
        {
            case "killed":
                await api.StopAsync();
                return;
            case "paused":
                api.Pause();
                return;
            case "compacted":
                api.Compact();
                break;
            case "garbage":
                api.Faults.Garbage(Encoding.UTF8.GetBytes("<html>not yet</html>"));
                break;
            case "empty":
                api.Faults.EmptyLists();
                break;
            default:
                api.Faults.Fail(int.Parse(trouble, System.Globalization.CultureInfo.InvariantCulture));
                break;
        }

        api.ExpireWatches();
    }
}

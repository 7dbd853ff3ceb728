using System.Diagnostics;
using System.Text.Json.Nodes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.EndToEndTests.Kubernetes;

/// <summary>Published agents whose leases are Node objects, from their start to a network.</summary>
public sealed class KubeStartTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Three_nodes_get_their_pod_CIDRs_and_reach_each_other()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(3);

        foreach (AgentNode node in cluster.Nodes)
        {
            Assert.Equal($"10.244.{node.Number}.0/24", node.Subnet);
            Assert.Equal("true", cluster.Annotation(node.Number, "kube-subnet-manager"));
            Assert.Equal("vxlan", cluster.Annotation(node.Number, "backend-type"));
            Assert.Equal(node.Address, cluster.Annotation(node.Number, "public-ip"));
            Assert.Equal(
                $$"""{"VNI":1,"VtepMAC":"{{node.Mac}}"}""", cluster.Annotation(node.Number, "backend-data"));
            Assert.Null(cluster.Annotation(node.Number, "public-ipv6"));
        }

        foreach (AgentNode node in cluster.Nodes.Skip(1))
        {
            Assert.Equal((3, 3), cluster.Nodes[0].Ping(node));
        }

        Assert.All(cluster.Nodes, node => Assert.Equal(1, node.LogCount(
            $"eth0 (MTU 1500) with {node.Address}: the Node's InternalIP {node.Address} is on it")));
        await Wait.Until(
            () => cluster.Nodes.All(node => cluster.NetworkUnavailable(node.Number) == "False"),
            AgentNode.Soon,
            "the condition is cleared");
        Assert.Empty(cluster.Api.Events.All);
        Assert.Equal(1, await cluster.Nodes[0].MetricAsync("flannel_datastore_up"));
    }

    // All that upstream's agent writes, to the byte; a line each, without the prefix, MAC and MAC6 as they are.
    [Theory]
    [InlineData(
        "vxlan",
        true,
        false,
        """
        backend-data={"VNI":1,"VtepMAC":"MAC"}
        backend-type=vxlan
        kube-subnet-manager=true
        public-ip=192.0.2.1
        """)]
    [InlineData(
        "VXLAN",
        true,
        true,
        """
        backend-data={"VNI":1,"VtepMAC":"MAC"}
        backend-type=vxlan
        backend-v6-data={"VNI":1,"VtepMAC":"MAC6"}
        kube-subnet-manager=true
        public-ip=192.0.2.1
        public-ipv6=2001:db8::1
        """)]
    [InlineData(
        "vxlan",
        false,
        true,
        """
        backend-type=vxlan
        backend-v6-data={"VNI":1,"VtepMAC":"MAC6"}
        kube-subnet-manager=true
        public-ipv6=2001:db8::1
        """)]
    [InlineData(
        "host-gw",
        true,
        false,
        """
        backend-data=null
        backend-type=host-gw
        kube-subnet-manager=true
        public-ip=192.0.2.1
        """)]
    [InlineData(
        "host-gw",
        true,
        true,
        """
        backend-data=null
        backend-type=host-gw
        backend-v6-data=null
        kube-subnet-manager=true
        public-ip=192.0.2.1
        public-ipv6=2001:db8::1
        """)]
    [InlineData(
        "host-gw",
        false,
        true,
        """
        backend-data=null
        backend-type=host-gw
        backend-v6-data=null
        kube-subnet-manager=true
        public-ip=0.0.0.0
        public-ipv6=2001:db8::1
        """)]
    [InlineData(
        "alloc",
        true,
        false,
        """
        backend-data=null
        backend-type=
        kube-subnet-manager=true
        public-ip=192.0.2.1
        """)]
    public async Task What_is_written_on_the_Node_is_upstream_s(
        string backend, bool hasIPv4, bool hasIPv6, string expected)
    {
        string network = (hasIPv4 ? "\"Network\":\"10.244.0.0/16\"" : "\"EnableIPv4\":false")
            + (hasIPv6 ? ",\"EnableIPv6\":true,\"IPv6Network\":\"fd00:10:244::/56\"" : "");
        await using KubeCluster cluster = await KubeCluster.CreateAsync(
            1, $$$"""{{{{network}}},"Backend":{"Type":"{{{backend}}}"}}""");
        AgentNode node = cluster.Nodes[0];
        await node.StartReadyAsync();

        JsonObject annotations = (JsonObject)cluster.Api.Nodes.Find("node-1")!["metadata"]!["annotations"]!;

        string[] written = [.. annotations
            .Select(static one => $"{one.Key.Replace(KubeCluster.Prefix, "", StringComparison.Ordinal)}={one.Value}")
            .Order(StringComparer.Ordinal)];
        expected = expected.Replace("MAC6", Mac("flannel-v6.1"), StringComparison.Ordinal)
            .Replace("\"MAC\"", $"\"{Mac("flannel.1")}\"", StringComparison.Ordinal);
        Assert.Equal(expected.Split('\n'), written);

        string? Mac(string device) => node.Net.Shell("ip link").Contains($"{device}:", StringComparison.Ordinal)
            ? node.Link(device).GetProperty("address").GetString()
            : null;
    }

    [Fact]
    public async Task Both_families_are_reached_and_either_may_change_alone()
    {
        await using KubeCluster cluster = await KubeCluster.StartReadyAsync(2, KubeCluster.DualConfig);
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        foreach (AgentNode node in cluster.Nodes)
        {
            node.Net.Shell($"ip address add {node.Value("FLANNEL_IPV6_SUBNET")} dev pods nodad");
        }

        Assert.Equal("fd00:10:244:1::1/64", one.Value("FLANNEL_IPV6_SUBNET"));
        Assert.Equal("2001:db8::1", cluster.Annotation(1, "public-ipv6"));
        Assert.Equal((3, 3), one.Ping(two));
        await Wait.Until(() => Pings("fd00:10:244:2::1"), AgentNode.Soon, "IPv6 is reached");

        two.Net.Shell("ip address add 2001:db8::22/64 dev eth0 nodad");
        cluster.Annotate(2, ("public-ipv6-overwrite", "2001:db8::22"));
        await Wait.Until(
            () => one.Net.Shell("bridge fdb show dev flannel-v6.1").Contains("2001:db8::22", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"the new address is followed: {one.Log}");
        Assert.Contains("dst 192.0.2.2 ", one.Net.Shell("bridge fdb show dev flannel.1"), StringComparison.Ordinal);

        bool Pings(string target) => one.Net.Shell($"ping -q -c 1 -W 0.3 -I fd00:10:244:1::1 {target} || true")
            .Contains(" 1 received", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KubeCluster.PlainConfig, "10.244.1.0/24", true)]
    [InlineData(KubeCluster.PlainConfig, "10.244.1.0/24", false)]
    [InlineData(KubeCluster.DualConfig, "10.244.1.0/24,fd00:10:244:1::/64", true)]
    public async Task A_pod_CIDR_that_comes_late_is_waited_for_and_taken_within_two_seconds(
        string config, string cidrs, bool hasList)
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1, config, assigned: 0);
        AgentNode node = cluster.Nodes[0];
        AgentProcess agent = node.Start();
        await Wait.Until(
            () => cluster.EventsOf(1, "PodCIDRNotAssigned").Any(), AgentNode.Soon, () => $"an Event: {node.Log}");
        (int status, string body) = await node.GetAsync("/readyz");
        Assert.Equal(503, status);
        Assert.Contains("node \"node-1\" pod cidr not assigned", body, StringComparison.Ordinal);
        Assert.Equal(200, (await node.GetAsync("/healthz")).Status);

        long start = Stopwatch.GetTimestamp();
        cluster.Api.Nodes.Update("node-1", found =>
        {
            NodeTemplate.AssignPodCidrs(found, cidrs);
            _ = hasList || found["spec"]!.AsObject().Remove("podCIDRs");
        });
        await Wait.Until(() => node.LogCount("Subnet file") == 1, AgentNode.Soon, () => $"it goes on: {node.Log}");

        TimeSpan took = Stopwatch.GetElapsedTime(start);
        output.WriteLine($"subnet.env after {took.TotalSeconds:0.00} s");
        Assert.InRange(took.TotalSeconds, 0, 10);
        await node.ReadyAsync();
        Assert.False(agent.HasEnded);
        Assert.Equal(1, node.LogCount("pod cidr not assigned"));
        Assert.Equal("10.244.1.0/24", node.Subnet);
    }

    [Fact]
    public async Task A_pod_CIDR_outside_the_network_is_named_and_waited_over_until_the_config_or_the_Node_is_right()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1, assigned: 0);
        cluster.Api.Nodes.Update("node-1", static found => NodeTemplate.AssignPodCidrs(found, "10.99.1.0/24"));
        AgentNode node = cluster.Nodes[0];

        AgentProcess agent = node.Start();

        await Wait.Until(
            () => cluster.EventsOf(1, "PodCIDROutsideNetwork").Any(), AgentNode.Soon, () => $"an Event: {node.Log}");
        Assert.False(agent.HasEnded);
        Assert.Equal(1, node.LogCount(
            "node \"node-1\" has the pod CIDR 10.99.1.0/24, which is not inside the network 10.244.0.0/16"));
        Assert.Null(cluster.Annotation(1, "kube-subnet-manager"));
        Assert.False(File.Exists(node.PathOf("/run/flannel/subnet.env")));
        (int status, string body) = await node.GetAsync("/readyz");
        Assert.Equal(503, status);
        Assert.Contains("not inside the network", body, StringComparison.Ordinal);
        Assert.DoesNotContain("flannel.1", node.Net.Shell("ip link"), StringComparison.Ordinal);

        cluster.PutConfig("""{"Network":"10.99.0.0/16","Backend":{"Type":"vxlan"}}""");
        await Wait.Until(() => node.LogCount("Subnet file") == 1, AgentNode.Soon, () => $"it goes on: {node.Log}");
        await node.ReadyAsync();
        Assert.Equal("10.99.1.0/24", node.Subnet);
        Assert.False(agent.HasEnded);

        cluster.Api.Nodes.Delete("node-1");
        cluster.AddNode(1, "10.98.1.0/24");
        await Wait.Until(
            async () => (await node.GetAsync("/readyz")).Body.Contains("10.98.1.0/24", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"it is not ready: {node.Log}");
        Assert.Equal("True", cluster.NetworkUnavailable(1));

        cluster.Api.Nodes.Delete("node-1");
        cluster.AddNode(1, "10.99.7.0/24");
        await Wait.Until(
            () => node.Subnet == "10.99.7.0/24" && cluster.NetworkUnavailable(1) == "False",
            AgentNode.Soon,
            () => $"it is ready again: {node.Log}");
        await node.ReadyAsync();
    }

    [Fact]
    public async Task An_API_server_that_comes_late_and_a_node_that_is_not_registered_are_waited_for()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(2);
        cluster.Api.Nodes.Delete("node-2");
        await cluster.Api.StopAsync();
        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        AgentProcess agent = one.Start();
        two.Start();
        await Wait.Until(
            () => one.LogCount("Own Node waits for the Kubernetes API") == 1, AgentNode.Soon, () => one.Log);
        Assert.Contains("Connection refused", (await one.GetAsync("/readyz")).Body, StringComparison.Ordinal);
        Assert.Equal(0, await one.MetricAsync("flannel_datastore_up"));

        await cluster.Api.RestartAsync();
        await one.ReadyAsync();
        Assert.False(agent.HasEnded);
        await Wait.Until(() => two.LogCount("not found") == 1, AgentNode.Soon, () => two.Log);

        cluster.AddNode(2, KubeCluster.CidrsOf(2));
        await two.ReadyAsync();
        await one.KnowsAsync(1);
    }

    [Fact]
    public async Task The_node_s_name_may_come_from_the_pod()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1);
        cluster.AddPod("ds-abc", "node-1");

        await cluster.Nodes[0].StartReadyAsync(
            environment: "NODE_NAME= POD_NAME=ds-abc POD_NAMESPACE=kube-flannel");

        Assert.Equal("true", cluster.Annotation(1, "kube-subnet-manager"));
    }

    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public async Task On_a_node_with_several_interfaces_the_internal_address_decides(string backend)
    {
        // All have 10.0.2.15 on the interface of the default route, as virtual machines behind a provider's NAT.
        string config = $$$"""{"Network":"10.244.0.0/16","Backend":{"Type":"{{{backend}}}"}}""";
        await using KubeCluster cluster = await KubeCluster.CreateAsync(2, config);
        foreach (AgentNode node in cluster.Nodes)
        {
            node.Net.Shell(
                """
                ip link add nat up type veth peer name outside
                ip link set outside up
                ip address add 10.0.2.15/24 dev nat
                ip route replace default via 10.0.2.2 dev nat
                """);
            await node.StartReadyAsync();
        }

        (AgentNode one, AgentNode two) = (cluster.Nodes[0], cluster.Nodes[1]);
        one.AddPodAddress();
        two.AddPodAddress();
        await one.ReachesAsync(two);
        Assert.Equal("192.0.2.1", cluster.Annotation(1, "public-ip"));
        Assert.Equal("null" == cluster.Annotation(1, "backend-data"), backend == "host-gw");
    }

    [Fact]
    public async Task Who_comes_from_upstream_keeps_the_MAC_that_peers_know()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1);
        cluster.Annotate(
            1,
            ("backend-data", """{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}"""),
            ("backend-type", "vxlan"),
            ("kube-subnet-manager", "true"),
            ("public-ip", "192.0.2.1"));

        await cluster.Nodes[0].StartReadyAsync();

        Assert.Equal("c6:d2:32:6f:8f:44", cluster.Nodes[0].Mac);
        Assert.DoesNotContain(
            cluster.Api.Requests,
            static request => request.IsNodeStatusPatch && request.Body.Span.IndexOf("annotations"u8) >= 0);
    }

    [Fact]
    public async Task A_blackhole_route_is_kept_behind_the_pods_routes_and_goes_with_the_flag()
    {
        await using KubeCluster cluster = await KubeCluster.CreateAsync(1);
        AgentNode node = cluster.Nodes[0];
        AgentProcess agent = await node.StartReadyAsync("--ip-blackhole-route");
        Assert.Contains("blackhole 10.244.1.0/24", Routes(), StringComparison.Ordinal);
        node.AddPodAddress();
        Assert.Contains("local", node.Net.Shell("ip route get 10.244.1.1"), StringComparison.Ordinal);
        Assert.Contains("dev pods", node.Net.Shell("ip route get 10.244.1.9"), StringComparison.Ordinal);

        node.Net.Shell("ip route del blackhole 10.244.1.0/24");
        await Wait.Until(
            () => Routes().Contains("blackhole", StringComparison.Ordinal),
            AgentNode.Soon,
            () => $"it is back: {node.Log}");

        agent.Terminate();
        await agent.EndAsync();
        await node.StartReadyAsync();
        Assert.DoesNotContain("blackhole", Routes(), StringComparison.Ordinal);

        string Routes() => node.Net.Shell("ip route show table main");
    }
}

using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class KubeSubnetManagerTests : IAsyncLifetime
{
    private readonly ManagerFixture _node = new();

    private FakeNodeApi Api => _node.Api;

    public ValueTask InitializeAsync()
    {
        Api.Put(Nodes.Bare(1), Nodes.Vxlan(2));
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task The_lease_is_the_pod_CIDR_and_is_published()
    {
        Lease own = await _node.StartAsync();

        Assert.Equal(("node-1", "10.244.1.0/24"), (own.Key, own.Subnet.ToString()));
        Assert.Equal(Nodes.Vxlan(1).Annotations, Api["node-1"].Annotations);
        Assert.Single(Api.Patches);
        Assert.True(_node.IsReached);
        await _node.UntilAsync(() => _node.Snapshots.Count == 1, "there is a list");
        Assert.Equal(["node-2"], _node.Snapshots.Single().Peers.ByKey.Keys);
    }

    [Fact]
    public async Task A_node_that_is_right_already_is_not_written_to()
    {
        Api.Put(Nodes.Vxlan(1));

        await _node.StartAsync();

        Assert.Empty(Api.Patches);
    }

    [Fact]
    public async Task What_the_node_says_of_itself_is_known_before_the_lease()
    {
        Api.Put(Nodes.Dual(1) with { InternalIPv6 = IpAddr.Parse("2001:db8::1") });
        Api.Edit("node-1", static annotations => annotations with
        {
            NodePublicIP = "203.0.113.7",
            NodePublicIPv6 = "none",
        });

        await _node.Create().ReadNetworkConfigAsync(_node.Token);

        Assert.Equal(
            new NodeFacts
            {
                InternalIP = IpAddr.Parse("192.0.2.1"),
                InternalIPv6 = IpAddr.Parse("2001:db8::1"),
                PublicIP = IpAddr.Parse("203.0.113.7"),
                Published = Nodes.DualAttributes(1),
            },
            _node.Manager.Node);
    }

    [Fact]
    public async Task The_node_s_name_is_the_pod_s_where_nobody_gave_it()
    {
        (_node.NodeName, _node.Pod) = (null, ("kube-flannel", "ds-1"));
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(
            () => _node.Log.Count("error retrieving pod spec for kube-flannel/ds-1") == 1, "the pod is missed");

        Api.Pods["kube-flannel/ds-1"] = "node-1";

        Assert.Equal("node-1", (await _node.RunAsync(starting)).Key);
    }

    [Fact]
    public async Task Without_a_name_and_a_pod_it_cannot_start()
    {
        _node.NodeName = null;

        AgentFatalException e = await Assert.ThrowsAsync<AgentFatalException>(
            () => _node.Create().ReadNetworkConfigAsync(_node.Token));

        Assert.Contains("set the variable NODE_NAME", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "failed to read net conf: ")]
    [InlineData("{", "error parsing subnet config: ")]
    [InlineData("{}", "error parsing subnet config: ")]
    public async Task A_network_config_that_cannot_be_had_is_fatal_and_names_the_file(string? text, string expected)
    {
        _node.Config = text;

        AgentFatalException e = await Assert.ThrowsAsync<AgentFatalException>(
            () => _node.Create().ReadNetworkConfigAsync(_node.Token));

        Assert.StartsWith(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains("/net-conf.json", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_CIDR_that_is_late_is_waited_for()
    {
        Api.Put(Nodes.Bare(1) with { PodCidrs = [] });
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => Api.Events.Count == 1, "an Event is written");
        _node.Time.Advance(TimeSpan.FromSeconds(30));
        TimeSpan before = _node.Time.Elapsed;

        Api.Put(Nodes.Bare(1));

        Assert.Equal("10.244.1.0/24", (await _node.RunAsync(starting)).Subnet.ToString());
        Assert.True(_node.Time.Elapsed - before <= TimeSpan.FromSeconds(2));
        const string Text = "node \"node-1\" pod cidr not assigned: start kube-controller-manager with "
            + "--allocate-node-cidrs=true --cluster-cidr=10.244.0.0/16 (kubeadm init "
            + "--pod-network-cidr=10.244.0.0/16), or set spec.podCIDR of this Node to a range that no other Node has";
        Assert.Equal(1, _node.Log.Count($"Error: {Text}"));
        Assert.Contains(Text, _node.Waits);
        string written = Assert.Single(Api.Events);
        Assert.Contains("\"reason\":\"PodCIDRNotAssigned\"", written, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.245.1.0/24", "node \"node-1\" has the pod CIDR 10.245.1.0/24, which is not inside the network")]
    [InlineData("10.0.0.0/8", "node \"node-1\" has the pod CIDR 10.0.0.0/8, which is not inside the network")]
    [InlineData("none", "node \"node-1\" cannot be used: its pod CIDR \"none\" is none")]
    public async Task A_pod_CIDR_that_cannot_be_is_waited_over(string cidr, string because)
    {
        Api.Put(Nodes.Bare(1) with { PodCidrs = [cidr] });
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => _node.Log.Count(because) == 1 && Api.Events.Count == 1, "it is said");
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        TimeSpan before = _node.Time.Elapsed;

        Api.Put(Nodes.Bare(1));

        await _node.RunAsync(starting);
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Equal(1, _node.Log.Count(because));
    }

    [Fact]
    public async Task A_net_conf_json_that_is_mended_while_it_is_waited_for_is_taken()
    {
        Api.Put(Nodes.Bare(1) with { PodCidrs = ["10.245.1.0/24"] });
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => Api.Events.Count == 1, "it is said");
        Assert.Empty(Api.Patches);
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        TimeSpan before = _node.Time.Elapsed;

        _node.Config = """{"Network": "10.245.0.0/16", "Backend": {"Type": "vxlan"}}""";

        Assert.Equal("10.245.1.0/24", (await _node.RunAsync(starting)).Subnet.ToString());
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(404)]
    public async Task An_API_server_or_a_Node_that_comes_late_is_found_within_two_seconds(int status)
    {
        Api.Fault = made => new KubeApiException(status, "", "the cause");
        Task<Lease> starting = _node.StartAsync();
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        await _node.UntilAsync(() => Api.Count("GET node-1") > 100, "it is tried again");
        TimeSpan before = _node.Time.Elapsed;

        Api.Fault = static _ => null;

        await _node.RunAsync(starting);
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task With_two_families_each_needs_a_pod_CIDR()
    {
        _node.Config = Nodes.DualJson;
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(
            () => _node.Log.Count(
                "pod cidr not assigned for IPv6: start kube-controller-manager with --allocate-node-cidrs=true "
                + "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56") == 1,
            "it is said");

        Api.Put(Nodes.Dual(1));

        Assert.Equal("fd00:10:244:1::/64", (await _node.RunAsync(starting)).IPv6Subnet.ToString());
    }

    [Theory]
    [InlineData("GET node-1", 0)]
    [InlineData("GET node-1", 401)]
    [InlineData("GET node-1", 403)]
    [InlineData("GET node-1", 429)]
    [InlineData("GET node-1", 500)]
    [InlineData("PATCH node-1", 403)]
    [InlineData("PATCH node-1", 409)]
    [InlineData("PATCH node-1", 503)]
    public async Task Whatever_the_API_answers_is_waited_over_and_said_once(string call, int status)
    {
        Api.Fault = made => made == call ? new KubeApiException(status, "", "the cause") : null;
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => Api.Count(call) > 5, "it is tried again");
        Assert.Equal(1, _node.Log.Count("Own Node waits for the Kubernetes API, trying again: the cause"));
        Assert.Contains("Own Node waits for the Kubernetes API: the cause", _node.Waits);
        Assert.Equal(status != 0, _node.IsReached);

        Api.Fault = static _ => null;

        await _node.RunAsync(starting);
        Assert.Equal(Nodes.Vxlan(1).Annotations, Api["node-1"].Annotations);
        Assert.True(_node.IsReached);
    }

    [Fact]
    public async Task A_node_that_is_not_registered_yet_is_waited_for()
    {
        Api.Delete("node-1");
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => _node.Log.Count("nodes \"node-1\" not found") == 1, "it is said");
        _node.Time.Advance(TimeSpan.FromMinutes(1));

        Api.Put(Nodes.Bare(1));

        Assert.Equal("node-1", (await _node.RunAsync(starting)).Key);
    }

    [Fact]
    public async Task Alloc_looks_at_no_other_node()
    {
        _node.Config = """{"Network": "10.244.0.0/16", "Backend": {"Type": "alloc"}}""";
        _node.Attributes = Nodes.Attributes(1) with { BackendType = "", BackendData = null };

        await _node.StartAsync();
        await _node.UntilAsync(() => !_node.Snapshots.IsEmpty, "there is a list");

        Assert.Equal(0, _node.Snapshots.First().Peers.Count);
        Assert.Equal(0, Api.Count("WATCH"));
        Assert.Equal(("", "null"), (Api["node-1"].Annotations.BackendType, Api["node-1"].Annotations.BackendData));
    }
}

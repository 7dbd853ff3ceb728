using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>A start while the API is away, with what an earlier run kept on disk.</summary>
public sealed class KeptNodesTests : IAsyncLifetime
{
    private static readonly (string Namespace, string Name) s_pod = ("kube-flannel", "ds-1");

    private readonly ManagerFixture _node = new();

    private FakeNodeApi Api => _node.Api;

    public ValueTask InitializeAsync()
    {
        new NodeStateFile(_node.Folder, Nodes.Names, s_pod, new LogLines())
            .Write("node-1", [Nodes.Vxlan(1), Nodes.Vxlan(2), Nodes.Vxlan(3)]);
        Api.Fault = static _ => FakeNodeApi.Unreachable;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task The_node_has_its_lease_and_its_peers_and_goes_on_with_the_API_s_when_that_is_back()
    {
        Lease own = await _node.StartAsync();

        Assert.Equal("10.244.1.0/24", own.Subnet.ToString());
        Assert.InRange(_node.Time.Elapsed.TotalSeconds, 4, 10);
        await _node.UntilAsync(() => _node.Snapshots.Count == 1, "there is a list");
        Assert.False(_node.Snapshots.First().IsComplete);
        Assert.Equal(["node-2", "node-3"], _node.Snapshots.First().Peers.ByKey.Keys.Order());
        Assert.Equal(
            1, _node.Log.Count("The Kubernetes API is away: the lease of this node, node-1, and those of 2 peers"));

        Api.Put(Nodes.Bare(1), Nodes.Vxlan(2), Nodes.Vxlan(4));
        Api.Fault = static _ => null;

        await _node.UntilAsync(() => _node.Snapshots.Count == 2, "there is the API's list");
        LeaseSnapshot live = _node.Snapshots.Last();
        Assert.True(live.IsComplete);
        Assert.Null(live.Changed);
        Assert.Equal(["node-2", "node-4"], live.Peers.ByKey.Keys.Order());
        await _node.UntilAsync(() => Api["node-1"].Annotations == Nodes.Vxlan(1).Annotations, "the lease is published");
    }

    [Fact]
    public async Task Another_pod_CIDR_of_the_API_counts_when_it_is_back()
    {
        await _node.StartAsync();

        Api.Put(Nodes.Bare(1) with { PodCidrs = ["10.244.9.0/24"] });
        Api.Fault = static _ => null;

        await _node.UntilAsync(() => _node.Snapshots.Last().Own.Subnet.ToString() == "10.244.9.0/24", "it is taken");
    }

    [Fact]
    public async Task A_node_that_the_API_does_not_know_is_not_served_from_disk()
    {
        Api.Fault = static _ => null;
        Task<NetworkConfig> reading = _node.Create().ReadNetworkConfigAsync(_node.Token);
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.False(reading.IsCompleted);

        Api.Put(Nodes.Bare(1));

        await _node.RunAsync(reading);
    }

    [Fact]
    public async Task The_pod_that_wrote_the_file_tells_the_node_s_name()
    {
        (_node.NodeName, _node.Pod) = (null, s_pod);

        Lease own = await _node.StartAsync();

        Assert.Equal(("node-1", "10.244.1.0/24"), (own.Key, own.Subnet.ToString()));
        Assert.InRange(_node.Time.Elapsed.TotalSeconds, 4, 10);
    }

    [Fact]
    public async Task Another_pod_s_file_may_be_another_node_s()
    {
        (_node.NodeName, _node.Pod) = (null, ("kube-flannel", "ds-2"));
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(() => _node.Time.Elapsed > TimeSpan.FromMinutes(1), "a minute passes");
        Assert.False(starting.IsCompleted);

        Api.Put(Nodes.Bare(2));
        Api.Pods["kube-flannel/ds-2"] = "node-2";
        Api.Fault = static _ => null;

        Assert.Equal("node-2", (await _node.RunAsync(starting)).Key);
    }

    [Fact]
    public async Task A_pod_that_the_API_does_not_know_is_not_served_from_disk()
    {
        (_node.NodeName, _node.Pod) = (null, s_pod);
        Api.Fault = static _ => null;
        Task<NetworkConfig> reading = _node.Create().ReadNetworkConfigAsync(_node.Token);

        _node.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.False(reading.IsCompleted);
    }

    [Fact]
    public async Task What_was_kept_for_another_network_is_waited_over()
    {
        _node.Config = """{"Network": "10.250.0.0/16", "Backend": {"Type": "vxlan"}}""";
        Task<Lease> starting = _node.StartAsync();
        await _node.UntilAsync(
            () => _node.Log.Count("10.244.1.0/24, which is not inside the network 10.250.0.0/16") == 1, "it is said");

        Api.Put(Nodes.Bare(1) with { PodCidrs = ["10.250.1.0/24"] });
        Api.Fault = static _ => null;

        Assert.Equal("10.250.1.0/24", (await _node.RunAsync(starting)).Subnet.ToString());
    }

    [Fact]
    public async Task Peers_come_from_disk_where_only_the_list_is_slow()
    {
        Api.Put(Nodes.Bare(1));
        Api.Fault = static call => call == "WATCH" ? FakeNodeApi.Unreachable : null;

        await _node.StartAsync();

        await _node.UntilAsync(() => _node.Snapshots.Count == 1, "there is a list");
        Assert.Equal((false, 2), (_node.Snapshots.Single().IsComplete, _node.Snapshots.Single().Peers.Count));
    }

    [Fact]
    public async Task What_the_API_says_is_kept_for_the_next_start()
    {
        Api.Put(Nodes.Bare(1), Nodes.Vxlan(4));
        Api.Fault = static _ => null;

        await _node.StartAsync();

        NodeStateFile file = new(_node.Folder, Nodes.Names, null, new LogLines());
        await _node.UntilAsync(
            () => file.Read("node-1") is { } kept && kept.ContainsKey("node-4") && kept["node-1"] == Nodes.Vxlan(1),
            "it is written");
    }
}

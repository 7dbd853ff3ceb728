using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>A start without etcd, or without a config that can be used: it waits, says why, and goes on.</summary>
public sealed class ConfigTests
{
    [Fact]
    public async Task Without_etcd_the_agent_waits_says_so_once_and_starts_when_etcd_comes()
    {
        using EtcdServer etcd = EtcdServer.Create();
        using AgentCluster cluster = AgentCluster.Create(etcd, 1, config: null);
        AgentNode node = cluster.Nodes[0];

        node.Start();
        await Wait.Until(() => node.LogCount("waits for etcd") > 0, AgentNode.Soon, "it says that it waits");
        Assert.Equal((200, "flanneld is running"), await node.GetAsync("/healthz"));
        Assert.Equal(
            (503, "flanneld is not ready yet\nwaiting for the network config\n"), await node.GetAsync("/readyz"));
        Assert.Equal(0, await node.MetricAsync("flannel_datastore_up"));

        await etcd.StartAsync();
        cluster.PutConfig(AgentCluster.PlainConfig);
        await node.ReadyAsync();

        // A second cause may come between: the connection is taken and then cut.
        Assert.InRange(node.LogCount("Network config waits for etcd"), 1, 3);
        Assert.Equal(1, node.LogCount("Network config no longer waits for etcd"));
        Assert.Equal(1, await node.MetricAsync("flannel_datastore_up"));
    }

    [Fact]
    public async Task A_config_that_is_absent_or_wrong_is_named_and_read_again_until_it_is_right()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = AgentCluster.Create(etcd, 1, config: null);
        AgentNode node = cluster.Nodes[0];
        node.Start();

        await SaysAsync($"the key {cluster.Prefix}/config is absent");
        foreach ((string config, string text) in new[]
        {
            ("""{"Network": "10.244.0.0/16",}""", "net-conf.json is no JSON"),
            ("{}", "Network is missing"),
            ("""{"Network": "10.244.0.0"}""", "Network is \"10.244.0.0\": give a range in CIDR form"),
            ("""{"Network": "10.244.0.0/16", "SubnetLen": 17, "Backend": {"Type": "vxlan"}}""",
                "SubnetLen 17 cuts Network 10.244.0.0/16 into fewer than four subnets"),
            ("""{"Network": "10.244.0.0/16", "SubnetMin": "10.245.0.0"}""", "SubnetMin 10.245.0.0 is outside"),
            ("""{"Network": "10.244.0.0/16", "Backend": {}}""", "Backend has no Type"),
        })
        {
            cluster.PutConfig(config);
            await SaysAsync(text);
        }

        cluster.PutConfig(AgentCluster.PlainConfig);
        await node.ReadyAsync();

        Task SaysAsync(string text) => Wait.Until(
            () => node.LogCount(text) == 1, AgentNode.Soon, () => $"it says \"{text}\": {node.Log}");
    }

    [Fact]
    public async Task An_agent_that_waits_for_a_silent_etcd_ends_with_0_within_a_second()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = AgentCluster.Create(etcd, 1);
        AgentNode node = cluster.Nodes[0];
        etcd.Pause();
        node.Start();
        await Wait.Until(async () => (await node.GetAsync("/healthz")).Status == 200, AgentNode.Soon, "it runs");
        long start = TimeProvider.System.GetTimestamp();

        node.Agent.Terminate();

        Assert.Equal(0, await node.Agent.EndAsync());
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        etcd.Resume();
    }

    [Fact]
    public async Task A_wrong_field_of_the_backend_is_named_and_the_agent_ends_with_1()
    {
        using EtcdServer etcd = await EtcdServer.StartNewAsync();
        using AgentCluster cluster = AgentCluster.Create(
            etcd, 1, """{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","VNI":16777216}}""");
        AgentNode node = cluster.Nodes[0];

        Assert.Equal(1, await node.Start().EndAsync());
        Assert.Equal(1, node.LogCount("Backend.VNI: 16777216 must be a number from 1 to 16777215"));
    }
}

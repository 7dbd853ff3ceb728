using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>An etcd of three members, some of which are lost.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private const string Prefix = "/coreos.com/network";

    // A member without a leader says so after some elections; then there is a pause, and another member.
    private static readonly TimeSpan s_failover = TimeSpan.FromSeconds(30);

    private EtcdCluster? _started;

    private EtcdCluster Etcd => _started ?? throw new InvalidOperationException("not started");

    public async ValueTask InitializeAsync()
    {
        _started = await EtcdCluster.StartNewAsync();
        Etcd.Control($"put {Prefix}/config", """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.100.0"}""");
    }

    public ValueTask DisposeAsync()
    {
        _started?.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_member_that_was_cut_off_from_the_others_is_left_for_one_of_them()
    {
        (EtcdNode node, IReadOnlyList<TcpRelay> wires) = await StartAsync();
        await using EtcdNode one = node;
        EtcdMember member = Etcd.Members[wires.Index().Single(static wire => wire.Item.Bytes > 0).Index];

        member.Isolate();
        await Etcd.HealthyAsync();
        PutPeer(2);

        await UntilAsync(node, static snapshot => snapshot.Peers.Count == 1, "the peer is there");
        Assert.True(wires.Count(static wire => wire.Bytes > 0) > 1);
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("stopped")]
    [InlineData("cut off")]
    public async Task A_lost_leader_is_no_obstacle(string how)
    {
        (EtcdNode node, _) = await StartAsync();
        await using EtcdNode one = node;
        LeaseAttributes moved = EtcdNode.Vxlan("192.0.2.77");
        EtcdMember leader = await Etcd.LeaderAsync();

        Action<EtcdMember> lose = how switch
        {
            "killed" => static member => member.Kill(),
            "stopped" => static member => member.Pause(),
            _ => static member => member.Isolate(),
        };
        lose(leader);
        await node.Manager.PublishAsync(moved, node.Token).WaitAsync(s_failover, TimeProvider.System, node.Token);
        await Etcd.HealthyAsync();
        PutPeer(2);

        await UntilAsync(
            node, snapshot => snapshot.Peers.Count == 1 && snapshot.Own.Attributes == moved, "both are there");
    }

    [Fact]
    public async Task Without_a_quorum_nothing_changes_and_with_it_all_goes_on()
    {
        (EtcdNode node, _) = await StartAsync();
        await using EtcdNode one = node;
        PutPeer(2);
        await UntilAsync(node, static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        Etcd.Members[0].Isolate();
        Etcd.Members[1].Isolate();
        Task publication = node.Manager.PublishAsync(EtcdNode.Vxlan("192.0.2.77"), node.Token);
        await Wait.Until(
            () => node.Log.Count("Own lease waits for etcd") > 0, s_failover, "the publication waits");
        Etcd.Members[0].Rejoin();
        Etcd.Members[1].Rejoin();
        await publication.WaitAsync(s_failover, TimeProvider.System, node.Token);
        PutPeer(3);
        await UntilAsync(node, static snapshot => snapshot.Peers.Count == 2, "the new peer is there");

        Assert.DoesNotContain(node.Snapshots.Skip(2), static snapshot => snapshot.Peers.Count == 0);
    }

    private async Task<(EtcdNode Node, IReadOnlyList<TcpRelay> Wires)> StartAsync()
    {
        IReadOnlyList<TcpRelay> wires = Etcd.NewWires();
        EtcdOptions options = new(
            [.. wires.Select(EtcdCluster.Endpoint)], Prefix, null, null, null, null, null, TimeSpan.FromMinutes(60));
        EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();
        await Wait.Until(
            () => node.Latest?.Own.Key is string key && Etcd.Control($"get {Prefix}/subnets/{key}").Length > 0,
            EtcdNode.Soon,
            "it has begun");
        return (node, wires);
    }

    private static Task UntilAsync(EtcdNode node, Func<LeaseSnapshot, bool> condition, string because) => Wait.Until(
        () => node.Latest is LeaseSnapshot latest && condition(latest),
        s_failover,
        () => $"{because}: {string.Join('\n', node.Log.Lines)}");

    private void PutPeer(int number) => Etcd.Control(
        $"put {Prefix}/subnets/10.5.{number}.0-24", $$"""{"PublicIP":"192.0.2.{{number}}"}""");
}

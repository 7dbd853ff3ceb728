using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>What etcd does to its clients on a bad day. Each test has an etcd of its own to maltreat.</summary>
public sealed class FaultTests : IDisposable
{
    private const string Prefix = "/coreos.com/network";

    private readonly EtcdServer _etcd = EtcdServer.Create();

    public void Dispose() => _etcd.Dispose();

    [Fact]
    public async Task An_etcd_that_comes_late_is_waited_for_and_said_once()
    {
        await using EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.1");

        Task<NetworkConfig> config = node.Manager.ReadNetworkConfigAsync(node.Token);
        await node.UntilSaidAsync("Network config waits for etcd");
        await _etcd.StartAsync();
        await node.UntilSaidAsync("the key /coreos.com/network/config is absent");
        PutConfig("""{"Network": "10.5.0.0/31"}""");
        await node.UntilSaidAsync("Network 10.5.0.0/31 is too small");
        PutConfig("""{"Network": "10.5.0.0/16"}""");

        Assert.Equal("10.5.0.0/16", (await config).Network.ToString());
        Assert.Equal(3, node.Log.Count("Warning:"));
        Assert.Equal(1, node.Log.Count("no longer waits for etcd"));
    }

    [Fact]
    public async Task A_watch_goes_on_after_etcd_was_killed()
    {
        await using EtcdNode node = await StartAsync();
        PutPeer(2);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        _etcd.Kill();
        await node.UntilSaidAsync("Watch of the leases waits");
        await _etcd.StartAsync();
        PutPeer(3);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 2, "the new peer is there");

        Assert.Equal(3, node.Snapshots.Count);
        Assert.Equal(0, node.Log.Count("listed again"));
    }

    [Fact]
    public async Task What_was_compacted_away_is_found_by_a_new_list()
    {
        using TcpRelay wire = _etcd.NewRelay();
        await using EtcdNode node = await StartAsync(wire);
        PutPeer(2);
        PutPeer(3);
        PutPeer(4);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 3, "three peers are there");
        LeaseSnapshot before = node.Snapshots[^1];

        wire.Cut();
        PutPeer(2, "198.51.100.2");
        _etcd.Control($"del {Prefix}/subnets/10.5.3.0-24");
        PutPeer(5);
        CompactAll();
        wire.Join();
        await node.UntilAsync(static snapshot => snapshot.Peers.ByKey.ContainsKey("10.5.5.0-24"), "peer 5 is there");

        LeaseSnapshot after = node.Snapshots[^1];
        Assert.Equal(before.Peers.Count, after.Peers.Count);
        Assert.Equal("198.51.100.2", after.Peers.ByKey["10.5.2.0-24"].Attributes.PublicIP.ToString());
        Assert.Equal(["10.5.2.0-24", "10.5.3.0-24", "10.5.5.0-24"], (after.Changed ?? []).Order());
        Assert.Equal(1, node.Log.Count("required revision has been compacted"));
    }

    [Fact]
    public async Task A_watch_that_fell_behind_while_cut_off_loses_nothing()
    {
        using TcpRelay wire = _etcd.NewRelay();
        await using EtcdNode node = await StartAsync(wire);

        wire.Cut();
        PutPeer(2);
        PutPeer(3);
        _etcd.Control($"del {Prefix}/subnets/10.5.2.0-24");
        wire.Join();
        await node.UntilAsync(static snapshot => snapshot.Peers.ByKey.ContainsKey("10.5.3.0-24"), "peer 3 is there");

        Assert.Equal(["10.5.3.0-24"], node.Latest?.Peers.ByKey.Keys ?? []);
    }

    [Fact]
    public async Task A_silent_connection_is_given_up()
    {
        using TcpRelay wire = _etcd.NewRelay();
        await using EtcdNode node = await StartAsync(wire);

        wire.Freeze();
        PutPeer(2);
        await node.UntilSaidAsync("Watch of the leases waits");
        wire.Thaw();

        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the new peer is there");
    }

    [Fact]
    public async Task A_stopped_etcd_delays_a_publication_and_nothing_else()
    {
        await using EtcdNode node = await StartAsync();
        LeaseAttributes moved = EtcdNode.Vxlan("192.0.2.77");

        _etcd.Pause();
        Task publication = node.Manager.PublishAsync(moved, node.Token);
        await node.UntilSaidAsync("Own lease waits for etcd");
        _etcd.Resume();
        await publication;

        await node.UntilAsync(snapshot => snapshot.Own.Attributes == moved, "the lease is published");
        PutPeer(2);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the new peer is there");
    }

    [Fact]
    public async Task An_etcd_that_forgot_everything_is_noticed_told_our_lease_again_and_believed_in_the_end()
    {
        await using EtcdNode node = await StartAsync(doubtTime: TimeSpan.FromSeconds(2));
        PutPeer(2);
        PutPeer(3);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 2, "two peers are there");
        Lease before = node.Snapshots[^1].Own;

        _etcd.Kill();
        _etcd.Wipe();
        await _etcd.StartAsync();
        await node.UntilAsync(
            snapshot => snapshot.Peers.Count == 2 && snapshot.Own.Seniority != before.Seniority, "our key is there");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 0, "the peers are gone");

        Assert.Equal(1, node.Log.Count("Leases of 2 among 2 peers were gone when etcd was seen again"));
        Assert.Equal(before.Subnet, node.Latest?.Own.Subnet);
        Assert.Contains("192.0.2.1", _etcd.Control($"get --print-value-only {Prefix}/subnets/{before.Key}"));
    }

    [Fact]
    public async Task Peers_that_were_gone_and_come_back_were_never_away()
    {
        using TcpRelay wire = _etcd.NewRelay();
        await using EtcdNode node = await StartAsync(wire);
        PutPeer(2);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        wire.Cut();
        _etcd.Control($"del --prefix {Prefix}/subnets/");
        CompactAll();
        wire.Join();
        await node.UntilSaidAsync("Leases of 1 among 1 peers were gone");
        PutPeer(2);
        await node.UntilAsync(
            snapshot => snapshot.Own.Seniority.Since > node.Snapshots[0].Own.Seniority.Since, "our key is taken back");

        Assert.DoesNotContain(node.Snapshots.Skip(2), static snapshot => snapshot.Peers.Count == 0);
    }

    [Fact]
    public async Task The_next_endpoint_is_used_when_one_is_dead()
    {
        await _etcd.StartAsync();
        PutConfig("""{"Network": "10.5.0.0/16"}""");
        using EtcdServer dead = EtcdServer.Create();
        EtcdOptions options = EtcdNode.Options(_etcd, Prefix) with { Endpoints = [dead.Endpoint, _etcd.Endpoint] };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();
        PutPeer(2);
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        Assert.Equal(0, node.Log.Count("waits for etcd"));
    }

    [Fact]
    public async Task An_endpoint_may_be_a_name()
    {
        await _etcd.StartAsync();
        PutConfig("""{"Network": "10.5.0.0/16"}""");
        using TcpRelay wire = _etcd.NewRelayFromLocalhost();
        EtcdOptions options = EtcdNode.Options(_etcd, Prefix) with { Endpoints = [$"localhost:{wire.Here.Port}"] };
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Log.Count("waits for etcd"));
    }

    [Theory]
    [InlineData("config")]
    [InlineData("acquire")]
    [InlineData("publish")]
    [InlineData("keep")]
    [InlineData("watch")]
    public async Task Every_wait_for_a_dead_etcd_ends_with_its_token(string wait)
    {
        await using EtcdNode node = await StartAsync();
        NetworkConfig network = await node.Manager.ReadNetworkConfigAsync(node.Token);
        using CancellationTokenSource stop = new();
        _etcd.Kill();
        Task task = wait switch
        {
            "config" => node.Manager.ReadNetworkConfigAsync(stop.Token),
            "acquire" => node.Manager.AcquireAsync(network, node.Attributes, stop.Token),
            "publish" => node.Manager.PublishAsync(node.Attributes, stop.Token),
            "keep" => node.Manager.KeepAsync(stop.Token),
            _ => FirstAsync(node, stop.Token),
        };

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => task.WaitAsync(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None));
    }

    private static async Task FirstAsync(EtcdNode node, CancellationToken cancellationToken)
    {
        await foreach (LeaseSnapshot snapshot in node.Manager.WatchAsync(cancellationToken))
        {
            _ = snapshot;
        }
    }

    /// <summary>A running node at a running etcd.</summary>
    private async Task<EtcdNode> StartAsync(TcpRelay? wire = null, TimeSpan? doubtTime = null)
    {
        await _etcd.StartAsync();
        PutConfig("""{"Network": "10.5.0.0/16", "SubnetMin": "10.5.100.0"}""");
        EtcdOptions options = EtcdNode.Options(_etcd, Prefix);
        options = options with { DoubtTime = doubtTime ?? options.DoubtTime };
        EtcdNode node = new(wire is null ? options : options with { Endpoints = [_etcd.RelayEndpoint] }, "192.0.2.1");
        await node.RunAsync();
        return node;
    }

    private void PutConfig(string config) => _etcd.Control($"put {Prefix}/config '{config}'");

    private void PutPeer(int number, string? publicIP = null) => _etcd.Control(
        $"put {Prefix}/subnets/10.5.{number}.0-24 '{{\"PublicIP\":\"{publicIP ?? $"192.0.2.{number}"}\"}}'");

    private void CompactAll()
    {
        // What happened last stays: this is nobody's.
        _etcd.Control("put x y");
        string revision = _etcd.Control("get x -w fields").Split('\n')
            .Single(static line => line.StartsWith("\"Revision\"", StringComparison.Ordinal)).Split(' ')[^1];
        _etcd.Control($"compact {revision}");
    }
}

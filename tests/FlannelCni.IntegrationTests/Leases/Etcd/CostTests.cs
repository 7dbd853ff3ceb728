using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>How many calls etcd gets, by its own count. None of them is made per peer.</summary>
public sealed class CostTests : IAsyncLifetime
{
    private const string Prefix = "/coreos.com/network";

    private static readonly string[] s_methods =
        ["Range", "Txn", "LeaseGrant", "LeaseKeepAlive", "Watch", "LeaseTimeToLive", "Put", "LeaseRevoke"];

    private readonly EtcdServer _etcd = EtcdServer.Create();

    public async ValueTask InitializeAsync()
    {
        await _etcd.StartAsync();
        _etcd.Control($"put {Prefix}/config '{{\"Network\": \"10.5.0.0/16\", \"SubnetMin\": \"10.5.100.0\"}}'");
    }

    public ValueTask DisposeAsync()
    {
        _etcd.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_first_start_asks_for_config_and_list_takes_a_subnet_and_watches()
    {
        string calls = await CallsOfAsync(static async node => await node.RunAsync());

        Assert.Equal("Range 3, Txn 1, LeaseGrant 1, Watch 1", calls);
    }

    [Fact]
    public async Task A_restart_writes_nothing()
    {
        await CallsOfAsync(static async node => await node.AcquireAsync());

        string calls = await CallsOfAsync(static async node => await node.RunAsync());

        Assert.Equal("Range 3, LeaseKeepAlive 1, Watch 1", calls);
    }

    [Fact]
    public async Task Peers_cost_no_calls()
    {
        string calls = await CallsOfAsync(async node =>
        {
            await node.RunAsync();
            PutPeers(50);
            await node.UntilAsync(static snapshot => snapshot.Peers.Count == 50, "the peers are there");
        });

        Assert.Equal("Range 3, Txn 2, LeaseGrant 1, Watch 1", calls);
    }

    [Fact]
    public async Task A_renewal_is_one_read_and_one_keep_alive()
    {
        string calls = await CallsOfAsync(static async node =>
        {
            await node.AcquireAsync();
            await node.Manager.PublishAsync(node.Attributes, node.Token);
        });

        Assert.Equal("Range 3, Txn 1, LeaseGrant 1, LeaseKeepAlive 1", calls);
    }

    private async Task<string> CallsOfAsync(Func<EtcdNode, Task> act)
    {
        int[] before = await CountAsync();
        await using EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.250");
        await act(node);
        int[] after = await CountAsync();
        return string.Join(", ", s_methods
            .Select((method, i) => (method, count: after[i] - before[i]))
            .Where(static call => call.count > 0)
            .Select(static call => $"{call.method} {call.count}"));
    }

    // One transaction, as etcdctl reads it: no conditions, the requests, no others.
    private void PutPeers(int count)
    {
        string puts = string.Join('\n', Enumerable.Range(1, count).Select(static number =>
            $$"""put {{Prefix}}/subnets/10.5.{{number}}.0-24 "{\"PublicIP\":\"192.0.2.{{number}}\"}" """));
        Shell.Run($"ETCDCTL_API=3 etcdctl --endpoints={_etcd.Endpoint} txn", $"\n{puts}\n\n\n");
    }

    private Task<int[]> CountAsync() => Task.WhenAll(s_methods.Select(_etcd.CallsAsync));
}

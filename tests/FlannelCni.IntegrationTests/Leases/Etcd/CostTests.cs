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

        Assert.Equal("Range 2, Txn 1, LeaseGrant 1, Watch 1", calls);
    }

    [Fact]
    public async Task A_restart_writes_nothing()
    {
        await CallsOfAsync(static async node => await node.AcquireAsync());

        string calls = await CallsOfAsync(static async node => await node.RunAsync());

        Assert.Equal("Range 2, LeaseKeepAlive 1, Watch 1", calls);
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

        Assert.Equal("Range 2, Txn 2, LeaseGrant 1, Watch 1", calls);
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

    [Fact]
    public async Task Five_thousand_leases_come_in_one_list()
    {
        _etcd.Control($"put {Prefix}/config", """{"Network": "10.0.0.0/8", "SubnetMin": "10.200.0.0"}""");
        foreach (int[] numbers in Enumerable.Range(0, 5000).Chunk(100))
        {
            _etcd.Control("txn", "\n" + string.Concat(numbers.Select(PutOfMany)) + "\n\n");
        }

        using TcpRelay wire = _etcd.NewRelay();
        int[] before = await CountAsync();
        await using EtcdNode node = new(
            EtcdNode.Options(_etcd, Prefix) with { Endpoints = [_etcd.RelayEndpoint] }, "192.0.2.250");
        await node.RunAsync();
        await Wait.Until(
            async () => (await CountAsync()).Sum() - before.Sum() >= 5, EtcdNode.Soon, "it has begun to watch");

        // Config, list, grant, creation (which lists the keys' names), watch.
        Assert.Equal(5000, node.Latest?.Peers.Count);
        Assert.Equal(5, (await CountAsync()).Sum() - before.Sum());
        Assert.InRange(wire.Bytes, 1_000_000, 2_000_000);
    }

    [Fact]
    public async Task Idle_hours_cost_no_call_and_a_renewal_two()
    {
        ManualTime time = new();
        await using EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.250", default, time);
        await node.RunAsync();
        await Wait.Until(async () => await _etcd.CallsAsync("Watch") > 0, EtcdNode.Soon, "it watches");
        int before = (await CountAsync()).Sum();

        await PassAsync(time, TimeSpan.FromHours(22.9));
        Assert.Equal(0, (await CountAsync()).Sum() - before);

        time.Advance(TimeSpan.FromHours(0.2));
        await Wait.Until(
            async () => (await CountAsync()).Sum() - before == 2, EtcdNode.Soon, "it has read and renewed");
    }

    [Fact]
    public async Task An_outage_of_an_hour_is_some_lines()
    {
        ManualTime time = new();
        await using EtcdNode node = new(
            EtcdNode.Options(_etcd, Prefix) with { RequestTimeout = TimeSpan.FromSeconds(60) },
            "192.0.2.250",
            default,
            time);
        await node.RunAsync();

        _etcd.Kill();
        _ = node.Manager.PublishAsync(EtcdNode.Vxlan("192.0.2.77"), node.Token);
        await node.UntilSaidAsync("Watch of the leases waits");
        await PassAsync(time, TimeSpan.FromHours(1));

        Assert.InRange(node.Log.Count("waits for etcd"), 2, 40);
    }

    // In steps, between which what waits may begin to wait anew.
    private static async Task PassAsync(ManualTime time, TimeSpan passed)
    {
        for (TimeSpan end = time.Elapsed + passed; time.Elapsed < end;)
        {
            await Wait.Until(() => time.NextTimer is not null, EtcdNode.Soon, "something waits");
            TimeSpan step = time.NextTimer ?? TimeSpan.Zero;
            time.Advance(step < end - time.Elapsed ? step : end - time.Elapsed);
            await Task.Yield();
        }
    }

    private static string PutOfMany(int number)
    {
        string place = $"{number / 250}.{(number % 250) + 1}";
        string value =
            $"{{\"PublicIP\":\"172.16.{place}\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:00:09\"}}";
        return $"put {Prefix}/subnets/10.{place}.0-24 \"{value.Replace("\"", "\\\"", StringComparison.Ordinal)}\"\n";
    }

    private async Task<string> CallsOfAsync(Func<EtcdNode, Task> act)
    {
        int[] before = await CountAsync();
        await using EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.250");
        await act(node);
        int watch = Array.IndexOf(s_methods, "Watch");
        await Wait.Until(
            async () => node.Latest is null || (await CountAsync())[watch] > before[watch],
            EtcdNode.Soon,
            "what runs watches");
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

using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>Many want the same.</summary>
public sealed class RaceTests : IAsyncLifetime
{
    private const string Prefix = "/coreos.com/network";

    private const string FortySubnets =
        """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.1.0", "SubnetMax": "10.5.40.0"}""";

    private static readonly string[] s_calls = ["Range", "Txn", "LeaseGrant", "LeaseKeepAlive", "Watch"];

    private readonly EtcdServer _etcd = EtcdServer.Create();

    public async ValueTask InitializeAsync() => await _etcd.StartAsync();

    public ValueTask DisposeAsync()
    {
        _etcd.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(FortySubnets)]
    [InlineData("""
        {"Network": "10.5.0.0/16", "SubnetMin": "10.5.1.0", "SubnetMax": "10.5.40.0",
         "IPv6Network": "fd00:5::/48", "EnableIPv6": true}
        """)]
    public async Task Of_fifty_nodes_forty_have_a_subnet_and_ten_wait_quietly_and_then_win(string config)
    {
        _etcd.Control($"put {Prefix}/config", config);
        List<EtcdNode> nodes = NewNodes(50);
        Task<Lease>[] leases = [.. nodes.Select(static node => node.AcquireAsync())];
        await Wait.Until(
            () => leases.Count(static lease => lease.IsCompletedSuccessfully) == 40
                && nodes.Count(static node => node.Log.Count("no subnet is free among") > 0) >= 10,
            EtcdNode.Soon,
            "forty have won, and ten say that none is free");

        Assert.Equal(40, Subnets(leases).Distinct().Count());
        Assert.Equal(40, Keys().Length);

        // They wait by a watch: nothing is asked meanwhile.
        await Wait.Until(async () => await _etcd.CallsAsync("Watch") >= 10, EtcdNode.Soon, "ten watch");
        int before = await CallsAsync();
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, CancellationToken.None);
        Assert.InRange(await CallsAsync() - before, 0, 10);

        Lease ended = await leases.First(static lease => lease.IsCompletedSuccessfully);
        _etcd.Control($"del '{Prefix}/subnets/{ended.Key}'");
        await Wait.Until(
            () => leases.Count(static lease => lease.IsCompletedSuccessfully) == 41, EtcdNode.Soon, "one more wins");

        Assert.Equal(40, Keys().Length);
        Assert.Equal(2, Subnets(leases).Count(subnet => subnet == ended.Subnet));
        await Task.WhenAll(nodes.Select(async node => await StopAsync(node)));
    }

    [Fact]
    public async Task Who_waits_for_a_subnet_takes_one_that_a_wider_config_gives()
    {
        _etcd.Control(
            $"put {Prefix}/config",
            """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.1.0", "SubnetMax": "10.5.1.0"}""");
        await using EtcdNode first = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.1");
        Lease one = await first.AcquireAsync();
        await using EtcdNode second = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.2");
        Task<Lease> two = second.AcquireAsync();
        await second.UntilSaidAsync("no subnet is free among");

        _etcd.Control($"put {Prefix}/config", FortySubnets);
        _etcd.Control($"del {Prefix}/subnets/{one.Key}");
        Lease lease = await two;

        Assert.Contains(lease.Key, Keys()[0]);
    }

    [Fact]
    public async Task A_node_that_lost_its_lease_with_no_other_free_waits_and_has_it_again()
    {
        _etcd.Control(
            $"put {Prefix}/config",
            """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.1.0", "SubnetMax": "10.5.1.0"}""");
        await using EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), "192.0.2.1");
        Lease before = await node.RunAsync();

        _etcd.Control($"put {Prefix}/subnets/{before.Key}", """{"PublicIP":"192.0.2.9"}""");
        await node.UntilSaidAsync("no subnet is free among");
        _etcd.Control($"del {Prefix}/subnets/{before.Key}");
        await node.UntilAsync(snapshot => snapshot.Own.Seniority != before.Seniority, "it is ours again");

        Assert.Equal(before.Subnet, node.Latest?.Own.Subnet);
    }

    private static async Task StopAsync(EtcdNode node)
    {
        try
        {
            await node.DisposeAsync();
        }
        catch (OperationCanceledException)
        {
            // One that still waited.
        }
    }

    private static IEnumerable<IpPrefix> Subnets(IEnumerable<Task<Lease>> leases) =>
        leases.Where(static lease => lease.IsCompletedSuccessfully).Select(static lease => lease.Result.Subnet);

    private List<EtcdNode> NewNodes(int count) => [.. Enumerable.Range(1, count)
        .Select(number =>
        {
            EtcdNode node = new(EtcdNode.Options(_etcd, Prefix), $"192.0.2.{number}");
            node.Attributes = node.Attributes with
            {
                PublicIPv6 = IpAddr.Parse($"2001:db8::{number}"),
            };
            return node;
        })];

    private string[] Keys() => _etcd.Control($"get --prefix --keys-only {Prefix}/subnets/")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<int> CallsAsync() => (await Task.WhenAll(s_calls.Select(_etcd.CallsAsync))).Sum();
}

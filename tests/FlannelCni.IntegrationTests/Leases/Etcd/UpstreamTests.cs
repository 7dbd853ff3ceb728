using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>Upstream's agents under the same prefix.</summary>
public sealed class UpstreamTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    private const string Config = """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.1.0", "SubnetMax": "10.5.24.0"}""";

    [Fact]
    public async Task Both_kinds_start_together_and_no_subnet_has_two_owners()
    {
        EtcdOptions options = etcd.NewNetwork(Config);
        List<EtcdNode> ours = [.. Enumerable.Range(1, 12).Select(
            number => new EtcdNode(options, $"192.0.2.{number}"))];
        List<UpstreamPeer> theirs = [.. Enumerable.Range(101, 12).Select(
            number => new UpstreamPeer(etcd.Server, options.Prefix, $"192.0.2.{number}"))];

        Task[] upstream = [.. theirs.Select(static peer => Task.Run(() => peer.Acquire(1, 24)))];
        await Task.WhenAll(ours.Select(static node => node.RunAsync()));
        await Task.WhenAll(upstream);
        theirs.ForEach(static peer => peer.Renew());

        string[] keys = [.. ours.Select(static node => node.Latest?.Own.Key ?? ""), .. theirs.Select(peer => peer.Key)];
        Assert.Equal(24, keys.Distinct().Count());
        Assert.Equal(keys.Order(), theirs[0].List().Keys.Order());
        foreach (EtcdNode node in ours)
        {
            await node.UntilAsync(
                snapshot => snapshot.Peers.Count == 23
                    && theirs.TrueForAll(peer => snapshot.Peers.ByKey.ContainsKey(peer.Key)),
                "all know all");
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_node_goes_from_upstream_to_us_and_back_with_its_subnet()
    {
        EtcdOptions options = etcd.NewNetwork(Config);
        UpstreamPeer before = new(etcd.Server, options.Prefix, "192.0.2.1");
        before.Acquire(1, 24);
        await using EtcdNode node = new(options, "192.0.2.1");
        Lease lease = await node.AcquireAsync();
        UpstreamPeer after = new(etcd.Server, options.Prefix, "192.0.2.1");

        after.Acquire(1, 24);

        Assert.Equal(before.Key, lease.Key);
        Assert.Equal(before.Key, after.Key);
    }

    [Fact]
    public async Task What_upstream_writes_over_our_key_makes_us_take_another_subnet()
    {
        EtcdOptions options = etcd.NewNetwork(Config);
        UpstreamPeer peer = new(etcd.Server, options.Prefix, "192.0.2.2");
        peer.Acquire(1, 24);

        // Its node was away for a day; when it comes back it renews what is ours by then.
        etcd.Server.Control($"del {options.Prefix}/subnets/{peer.Key}");
        SubnetPair previous = new(IpPrefix.Parse(peer.Key.Replace('-', '/')), default);
        await using EtcdNode node = new(options, "192.0.2.1", previous);
        Assert.Equal(previous.Subnet, (await node.RunAsync()).Subnet);
        peer.Renew();

        await node.UntilAsync(
            snapshot => snapshot.Own.Subnet != previous.Subnet && snapshot.Peers.ByKey.ContainsKey(peer.Key),
            "we have another, and the peer has its own");
        Assert.Equal(["replaced"], node.Lost);
    }

    [Fact]
    public async Task A_renewal_of_upstreams_is_no_change()
    {
        EtcdOptions options = etcd.NewNetwork(Config);
        UpstreamPeer peer = new(etcd.Server, options.Prefix, "192.0.2.2");
        peer.Acquire(1, 24);
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();

        peer.Renew();
        etcd.Server.Control($$"""put {{options.Prefix}}/subnets/10.5.99.0-24 '{"PublicIP":"192.0.2.3"}'""");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 2, "what was written later is there");

        Assert.Equal(["10.5.99.0-24"], node.Latest?.Changed ?? []);
    }
}

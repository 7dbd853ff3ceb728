using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

public sealed class WatchTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    [Fact]
    public async Task The_first_snapshot_has_every_lease_but_our_own()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode peer = new(options, "192.0.2.2");
        Lease theirs = await peer.AcquireAsync();
        await using EtcdNode node = new(options, "192.0.2.1");

        Lease ours = await node.RunAsync();

        LeaseSnapshot first = node.Snapshots[0];
        Assert.Equal(ours, first.Own);
        Assert.Equal(theirs, Assert.Single(first.Peers.ByKey).Value);
        Assert.Null(first.Changed);
    }

    [Fact]
    public async Task Peers_come_change_and_go()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();
        await using EtcdNode peer = new(options, "192.0.2.2");
        LeaseAttributes changed =
            EtcdNode.Vxlan("192.0.2.2") with { BackendData = """{"VtepMAC":"0a:00:00:00:00:02"}""" };

        Lease lease = await peer.AcquireAsync();
        await node.UntilAsync(snapshot => snapshot.Peers.ByKey.ContainsKey(lease.Key), "the peer is there");
        await peer.Manager.PublishAsync(changed, peer.Token);
        await node.UntilAsync(
            snapshot => snapshot.Peers.ByKey[lease.Key].Attributes == changed, "its new MAC address is there");
        etcd.Server.Control($"del {options.Prefix}/subnets/{lease.Key}");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 0, "the peer is gone");

        Assert.Equal(4, node.Snapshots.Count);
        Assert.All(node.Snapshots.Skip(1), snapshot => Assert.Equal([lease.Key], snapshot.Changed ?? []));
    }

    [Fact]
    public async Task A_peer_whose_lease_ends_goes()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();
        await using EtcdNode peer = new(options with { LeaseTtl = TimeSpan.FromSeconds(1) }, "192.0.2.2");

        await peer.AcquireAsync();
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 0, "its lease has ended");

        Assert.Equal(3, node.Snapshots.Count);
    }

    [Fact]
    public async Task What_is_no_lease_is_skipped_with_one_line_and_takes_nobody_away()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode peer = new(options, "192.0.2.2");
        Lease theirs = await peer.AcquireAsync();
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();

        etcd.Server.Control($"put {options.Prefix}/subnets/10.5.300.0-24 '{{\"PublicIP\":\"192.0.2.3\"}}'");
        etcd.Server.Control($"put {options.Prefix}/subnets/{theirs.Key} 'no JSON'");
        etcd.Server.Control($"put {options.Prefix}/subnets/10.5.7.0-24 '{{\"PublicIP\":\"192.0.2.4\"}}'");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 2, "the last of the three is there");

        Assert.Equal(theirs, node.Latest?.Peers.ByKey[theirs.Key]);
        Assert.Equal(1, node.Log.Count("10.5.300.0-24 is skipped: the key names no subnet"));
        Assert.Equal(1, node.Log.Count($"{theirs.Key} is skipped: it is not the JSON of a lease"));
    }

    [Fact]
    public async Task Keys_beside_the_directory_are_none_of_ours()
    {
        EtcdOptions options = etcd.NewNetwork();
        etcd.Server.Control($"put {options.Prefix}/subnetsX/10.5.7.0-24 '{{\"PublicIP\":\"192.0.2.4\"}}'");
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();

        Assert.Equal(0, node.Latest?.Peers.Count);
        Assert.Equal(0, node.Log.Count("skipped"));
    }

    [Fact]
    public async Task A_lost_key_is_taken_back()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        Lease before = await node.RunAsync();

        etcd.Server.Control($"del {options.Prefix}/subnets/{before.Key}");
        await node.UntilAsync(snapshot => snapshot.Own.Seniority.Since > before.Seniority.Since, "it is there again");

        Assert.Equal(before.Subnet, node.Latest?.Own.Subnet);
        Assert.Contains("192.0.2.1", etcd.Get(options, before.Subnet));
        Assert.Equal(1, node.Log.Count("was gone from etcd and is taken back"));
        Assert.Equal(0, node.Latest?.Peers.Count);
    }

    [Fact]
    public async Task A_key_that_is_another_nodes_now_is_left_for_a_new_subnet()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        Lease before = await node.RunAsync();

        etcd.Server.Control($"put {options.Prefix}/subnets/{before.Key} '{{\"PublicIP\":\"192.0.2.9\"}}'");
        await node.UntilAsync(
            snapshot => snapshot.Own.Subnet != before.Subnet && snapshot.Peers.ByKey.ContainsKey(before.Key),
            "there is a new subnet, and the old one is a peer's");

        LeaseSnapshot? latest = node.Latest;
        Assert.Contains("192.0.2.1", etcd.Get(options, latest?.Own.Subnet ?? default));
        Assert.DoesNotContain(latest?.Own.Key, latest?.Peers.ByKey.Keys ?? []);
        Assert.Equal(1, node.Log.Count("Error: Own lease"));
        Assert.DoesNotContain(node.Snapshots, static snapshot =>
            snapshot.Peers.ByKey.Values.Any(static peer => peer.Attributes.PublicIP == IpAddr.Parse("192.0.2.1")));
    }

    [Fact]
    public async Task A_lease_is_renewed_before_its_end()
    {
        EtcdOptions options = etcd.NewNetwork() with
        {
            LeaseTtl = TimeSpan.FromSeconds(2),
            RenewMargin = TimeSpan.FromSeconds(1.8),
        };
        int before = await etcd.Server.CallsAsync("LeaseKeepAlive");
        await using EtcdNode node = new(options, "192.0.2.1");
        Lease lease = await node.RunAsync();

        await Wait.Until(
            async () => await etcd.Server.CallsAsync("LeaseKeepAlive") >= before + 4,
            EtcdNode.Soon,
            "it is renewed four times");

        Assert.Equal(lease, node.Latest?.Own);
        Assert.Single(node.Snapshots);
    }

    [Fact]
    public async Task Published_attributes_survive_the_loss_of_the_key()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        Lease lease = await node.RunAsync();
        LeaseAttributes moved = EtcdNode.Vxlan("192.0.2.77");

        await node.Manager.PublishAsync(moved, node.Token);
        etcd.Server.Control($"del {options.Prefix}/subnets/{lease.Key}");
        await node.UntilAsync(snapshot => snapshot.Own.Seniority.Since > lease.Seniority.Since, "it is there again");

        Assert.Equal(moved, node.Latest?.Own.Attributes);
        Assert.Contains("192.0.2.77", etcd.Get(options, lease.Subnet));
    }
}

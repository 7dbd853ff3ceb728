using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

public sealed class AcquireTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    private const string OneSubnet =
        """{"Network": "10.5.0.0/16", "SubnetMin": "10.5.7.0", "SubnetMax": "10.5.7.0"}""";

    private const string DualStack =
        """{"Network": "10.12.0.0/16", "IPv6Network": "fd00:12::/48", "EnableIPv6": true}""";

    [Fact]
    public async Task A_lease_is_written_byte_for_byte_as_upstream_does()
    {
        EtcdOptions options = etcd.NewNetwork(OneSubnet);
        await using EtcdNode node = new(options, "192.0.2.1");

        Lease lease = await node.AcquireAsync();

        Assert.Equal("10.5.7.0-24", lease.Key);
        Assert.Equal(
            """{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":"""
                + """{"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}}""",
            etcd.Get(options, IpPrefix.Parse("10.5.7.0/24")));
    }

    [Fact]
    public async Task A_lease_ends_a_day_after_its_node()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");

        Lease lease = await node.AcquireAsync();

        string lines = etcd.Server.Control($"get {options.Prefix}/subnets/{lease.Key} -w fields");
        long grant = long.Parse(lines.Split('\n').Single(static line => line.StartsWith("\"Lease\"")).Split(' ')[^1]);
        Assert.Contains("granted with TTL(86400s)", etcd.Server.Control($"lease timetolive {grant:x}"));
    }

    [Fact]
    public async Task A_restarted_node_has_its_subnet_again_and_writes_nothing()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode before = new(options, "192.0.2.1");
        Lease first = await before.AcquireAsync();
        string written = etcd.Server.Control($"get {options.Prefix}/subnets/{first.Key} -w fields | grep ModRevision");
        await using EtcdNode after = new(options, "192.0.2.1");

        Lease second = await after.AcquireAsync();

        Assert.Equal(first, second);
        Assert.Equal(
            written, etcd.Server.Control($"get {options.Prefix}/subnets/{first.Key} -w fields | grep ModRevision"));
    }

    [Fact]
    public async Task The_previous_subnet_is_taken_when_it_is_free()
    {
        SubnetPair previous = new(IpPrefix.Parse("10.5.200.0/24"), default);
        await using EtcdNode node = new(etcd.NewNetwork(), "192.0.2.1", previous);

        Lease lease = await node.AcquireAsync();

        Assert.Equal(previous.Subnet, lease.Subnet);
    }

    [Theory]
    [InlineData("10.5.7.0/24", "another node has it")]
    [InlineData("10.6.0.0/24", "the network is cut into")]
    [InlineData("10.5.9.0/25", "the network is cut into")]
    public async Task A_previous_subnet_that_cannot_be_taken_is_named(string previous, string cause)
    {
        EtcdOptions options = etcd.NewNetwork();
        etcd.Server.Control($$"""put {{options.Prefix}}/subnets/10.5.7.0-24 '{"PublicIP":"192.0.2.9"}'""");
        await using EtcdNode node = new(options, "192.0.2.1", new SubnetPair(IpPrefix.Parse(previous), default));

        Lease lease = await node.AcquireAsync();

        Assert.NotEqual(IpPrefix.Parse(previous), lease.Subnet);
        Assert.Equal(1, node.Log.Count($"Previous subnet {previous} is given up: {cause}"));
    }

    [Fact]
    public async Task A_reservation_is_used_and_stays_one()
    {
        EtcdOptions options = etcd.NewNetwork();
        etcd.Server.Control($$"""put {{options.Prefix}}/subnets/10.5.99.0-24 '{"PublicIP": "192.0.2.1"}'""");
        await using EtcdNode node = new(options, "192.0.2.1");

        Lease lease = await node.AcquireAsync();

        Assert.Equal("10.5.99.0-24", lease.Key);
        Assert.Contains("\"Lease\" : 0", etcd.Server.Control($"get {options.Prefix}/subnets/10.5.99.0-24 -w fields"));
        Assert.Contains("VtepMAC", etcd.Get(options, lease.Subnet));
    }

    [Fact]
    public async Task A_lease_of_ours_outside_the_network_is_dropped_for_one_inside()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode before = new(options, "192.0.2.1");
        Lease old = await before.AcquireAsync();
        etcd.Server.Control($$"""put {{options.Prefix}}/config '{"Network": "10.77.0.0/16"}'""");
        await using EtcdNode after = new(options, "192.0.2.1");

        Lease lease = await after.AcquireAsync();

        Assert.True(IpPrefix.Parse("10.77.0.0/16").Contains(lease.Subnet));
        Assert.Empty(etcd.Get(options, old.Subnet));
    }

    [Fact]
    public async Task A_node_that_turns_dual_stack_keeps_its_IPv4_subnet()
    {
        EtcdOptions options = etcd.NewNetwork("""{"Network": "10.12.0.0/16"}""");
        await using EtcdNode before = new(options, "192.0.2.1");
        Lease old = await before.AcquireAsync();
        etcd.Server.Control($"put {options.Prefix}/config '{DualStack}'");
        await using EtcdNode after = new(options, "192.0.2.1");

        Lease lease = await after.AcquireAsync();

        Assert.Equal(old.Subnet, lease.Subnet);
        Assert.False(lease.IPv6Subnet.IsNone);
        Assert.Single(etcd.Server.Control($"get --prefix --keys-only {options.Prefix}/subnets/").Split("\n\n"));
    }

    [Fact]
    public async Task Of_two_nodes_that_want_the_last_subnet_one_waits_until_it_is_free()
    {
        EtcdOptions options = etcd.NewNetwork(OneSubnet);
        await using EtcdNode one = new(options, "192.0.2.1");
        await using EtcdNode two = new(options, "192.0.2.2");

        Task<Lease> first = one.AcquireAsync();
        Task<Lease> second = two.AcquireAsync();
        Task<Lease> winner = await Task.WhenAny(first, second);
        EtcdNode loser = winner == first ? two : one;
        await loser.UntilSaidAsync("no subnet is free among /24 from 10.5.7.0 to 10.5.7.0, 1 are taken");
        etcd.Server.Control($"del {options.Prefix}/subnets/10.5.7.0-24");

        await Task.WhenAll(first, second);

        Assert.Equal((await first).Subnet, (await second).Subnet);
    }

    [Fact]
    public async Task Nodes_that_start_together_have_different_subnets()
    {
        EtcdOptions options = etcd.NewNetwork("""{"Network": "10.5.0.0/16", "SubnetLen": 21}""");
        List<EtcdNode> nodes = Nodes(31, options);

        Lease[] leases = await Task.WhenAll(nodes.Select(static node => node.AcquireAsync()));

        Assert.Equal(31, leases.Select(static lease => lease.Subnet).Distinct().Count());
        foreach (EtcdNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Dual_stack_nodes_that_start_together_share_no_subnet_of_either_family()
    {
        EtcdOptions options = etcd.NewNetwork(
            """{"Network": "10.12.0.0/16", "SubnetLen": 20, "IPv6Network": "fd00:12::/60", "EnableIPv6": true}""");
        List<EtcdNode> nodes = Nodes(12, options);

        Lease[] leases = await Task.WhenAll(nodes.Select(static node => node.AcquireAsync()));

        Assert.Equal(12, leases.Select(static lease => lease.Subnet).Distinct().Count());
        Assert.Equal(12, leases.Select(static lease => lease.IPv6Subnet).Distinct().Count());
        foreach (EtcdNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_dual_stack_lease_names_both_subnets()
    {
        EtcdOptions options = etcd.NewNetwork(DualStack);
        await using EtcdNode node = new(options, "192.0.2.1");
        node.Attributes = node.Attributes with { PublicIPv6 = IpAddr.Parse("2001:db8::1") };

        Lease lease = await node.AcquireAsync();

        Assert.Equal($"{lease.Subnet.Address}-24&{lease.IPv6Subnet.Address}-64", lease.Key);
        Assert.True(IpPrefix.Parse("fd00:12::/48").Contains(lease.IPv6Subnet));
    }

    [Fact]
    public async Task IPv6_only_nodes_are_told_apart_by_their_IPv6_address()
    {
        EtcdOptions options = etcd.NewNetwork(
            """{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:12::/48"}""");
        await using EtcdNode one = new(options, "192.0.2.1");
        await using EtcdNode two = new(options, "192.0.2.1");
        one.Attributes = new LeaseAttributes(default, IpAddr.Parse("2001:db8::1"), "vxlan", null, "{}");
        two.Attributes = new LeaseAttributes(default, IpAddr.Parse("2001:db8::2"), "vxlan", null, "{}");

        Lease first = await one.AcquireAsync();
        Lease second = await two.AcquireAsync();

        Assert.NotEqual(first.IPv6Subnet, second.IPv6Subnet);
        Assert.StartsWith("0.0.0.0-0&fd00:12:0:", first.Key);
        Assert.True(first.Subnet.IsNone);
    }

    private static List<EtcdNode> Nodes(int count, EtcdOptions options) =>
        [.. Enumerable.Range(1, count).Select(number => new EtcdNode(options, $"192.0.2.{number}"))];
}

using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>Keys and values that somebody wrote who is no agent.</summary>
public sealed class HostileTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    [Theory]
    [InlineData("10.5.7.0-33", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("10.5.7.0-", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("10.5.7.0-24&", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("10.5.7.0-24&fd00::-129", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("x/10.5.7.0-24", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("10.5.7.0-24/x", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("", """{"PublicIP":"192.0.2.3"}""", "the key names no subnet")]
    [InlineData("10.5.7.0-24", "", "it is not the JSON of a lease")]
    [InlineData("10.5.7.0-24", "null", "it is not the JSON of a lease")]
    [InlineData("10.5.7.0-24", "[]", "it is not the JSON of a lease")]
    [InlineData("10.5.7.0-24", "{}", "it has neither PublicIP nor PublicIPv6")]
    [InlineData("10.5.7.0-24", """{"PublicIP":7}""", "it is not the JSON of a lease")]
    [InlineData("10.5.7.0-24", """{"PublicIP":"192.0.2.300"}""", "192.0.2.300\" is no IPv4 address")]
    [InlineData("10.5.7.0-24", """{"PublicIP":"2001:db8::1"}""", "is no IPv4 address")]
    [InlineData("10.5.7.0-24", """{"PublicIP":"192.0.2.3","PublicIPv6":"x"}""", "\"x\" is no IPv6 address")]
    [InlineData("10.5.7.0-24", """{"PublicIP":"192.0.2.3","BackendType":[1]}""", "it is not the JSON of a lease")]
    [InlineData("10.5.7.0-24", "{\"PublicIP\":\"\\ud800\"}", "it is not the JSON of a lease")]
    public async Task What_is_no_lease_is_skipped_with_one_line(string name, string value, string cause)
    {
        EtcdOptions options = etcd.NewNetwork("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.100.0"}""");
        Put(options, name, value);
        await using EtcdNode node = new(options, "192.0.2.1");
        await node.RunAsync();

        Put(options, "10.5.9.0-24", """{"PublicIP":"192.0.2.9"}""");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        Assert.Equal(1, node.Log.Count(" is skipped: "));
        Assert.Equal(1, node.Log.Count($"{options.Prefix}/subnets/{name} is skipped: "));
        Assert.Equal(1, node.Log.Count(cause));
    }

    [Fact]
    public async Task A_value_of_a_megabyte_or_of_great_depth_is_skipped_with_a_short_line()
    {
        EtcdOptions options = etcd.NewNetwork("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.100.0"}""");
        Put(options, "10.5.1.0-24", $$"""{"PublicIP":"192.0.2.3","BackendData":"{{new string('x', 1 << 20)}}"}""");
        Put(options, "10.5.2.0-24", $$"""{"PublicIP":"{{new string('x', 60000)}}"}""");
        Put(options, "10.5.3.0-24", $$"""{"PublicIP":{{new string('[', 30000)}}{{new string(']', 30000)}}}""");
        Put(options, new string('y', 5000), "x");
        await using EtcdNode node = new(options, "192.0.2.1");

        await node.RunAsync();
        Put(options, "10.5.9.0-24", """{"PublicIP":"192.0.2.9"}""");
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        Assert.Equal(4, node.Log.Count(" is skipped: "));
        Assert.All(node.Log.Lines, static line => Assert.InRange(line.Length, 1, 600));
    }

    [Fact]
    public async Task More_than_fits_into_one_answer_is_read_in_several()
    {
        EtcdOptions options = etcd.NewNetwork("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.200.0"}""");
        for (int i = 0; i < 70; i++)
        {
            Put(options, $"garbage{i}", new string('x', 1000 << 10));
        }

        Put(options, "10.5.9.0-24", """{"PublicIP":"192.0.2.9"}""");
        await using EtcdNode node = new(
            options with { RequestTimeout = TimeSpan.FromSeconds(10) }, "192.0.2.1");

        await node.RunAsync();
        await node.UntilAsync(static snapshot => snapshot.Peers.Count == 1, "the peer is there");

        Assert.Equal(70, node.Log.Count(" is skipped: "));
        etcd.Server.Control($"del --prefix {options.Prefix}");
    }

    [Fact]
    public async Task Nonsense_on_our_own_key_is_mended_with_the_grant_it_had()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        string key = $"{options.Prefix}/subnets/{(await node.RunAsync()).Key}";
        string before = Field(key, "Lease");

        etcd.Server.Control($"put {key} nonsense");
        await Wait.Until(
            () => etcd.Server.Control($"get --print-value-only {key}").Contains("192.0.2.1", StringComparison.Ordinal),
            EtcdNode.Soon,
            "the key is as it was");

        Assert.Equal(before, Field(key, "Lease"));
        Assert.Single(node.Snapshots.Select(static snapshot => snapshot.Own).Distinct());
    }

    [Fact]
    public async Task Another_key_on_our_grant_is_deleted()
    {
        EtcdOptions options = etcd.NewNetwork();
        await using EtcdNode node = new(options, "192.0.2.1");
        string own = $"{options.Prefix}/subnets/{(await node.RunAsync()).Key}";
        string grant = long.Parse(Field(own, "Lease")).ToString("x");

        // As a creation does that was given up and carried out later.
        string stray = $"{options.Prefix}/subnets/10.5.0.0-24";
        etcd.Server.Control($$"""put --lease={{grant}} {{stray}} '{"PublicIP":"192.0.2.1"}'""");
        await Wait.Until(() => etcd.Server.Control($"get {stray}").Length == 0, EtcdNode.Soon, "it is gone");

        Assert.NotEmpty(etcd.Server.Control($"get {own}"));
        await node.UntilSaidAsync("10.5.0.0-24 is deleted: a write of this node's that came too late");
    }

    private void Put(EtcdOptions options, string name, string value) =>
        etcd.Server.Control($"put '{options.Prefix}/subnets/{name}'{(value.Length == 0 ? " ''" : "")}", value);

    private string Field(string key, string field) => etcd.Server.Control($"get {key} -w fields").Split('\n')
        .Single(line => line.StartsWith($"\"{field}\"", StringComparison.Ordinal)).Split(' ')[^1];
}

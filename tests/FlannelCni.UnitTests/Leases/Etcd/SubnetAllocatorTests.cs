using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class SubnetAllocatorTests
{
    [Theory]
    [InlineData("10.3.0.0/22", "", "10.3.1.0/24 10.3.2.0/24 10.3.3.0/24")]
    [InlineData("10.3.0.0/22", "10.3.2.0/24", "10.3.1.0/24 10.3.3.0/24")]
    [InlineData("10.3.0.0/22", "10.3.2.128/25", "10.3.1.0/24 10.3.3.0/24")]
    [InlineData("10.3.0.0/22", "10.3.3.0/24 10.3.1.0/24 10.3.1.4/30 10.3.1.0/28", "10.3.2.0/24")]
    [InlineData("10.3.0.0/22", "10.3.2.0/23", "10.3.1.0/24")]
    [InlineData("10.3.0.0/22", "10.0.0.0/8 10.3.1.0/24", "")]
    [InlineData("10.3.0.0/22", "10.2.255.0/24 10.4.0.0/24 fd00::/64", "10.3.1.0/24 10.3.2.0/24 10.3.3.0/24")]
    [InlineData("255.255.252.0/22", "255.255.254.0/24", "255.255.253.0/24 255.255.255.0/24")]
    [InlineData(
        "ffff:ffff:ffff:fffc::/62",
        "ffff:ffff:ffff:fffe::/64",
        "ffff:ffff:ffff:fffd::/64 ffff:ffff:ffff:ffff::/64")]
    public void What_overlaps_nothing_is_free(string network, string taken, string free)
    {
        SubnetPool pool = SubnetPool.Derive(IpPrefix.Parse(network), default);

        List<IpPrefix> found = SubnetAllocator.FirstFree(pool, Prefixes(taken));

        Assert.Equal(Prefixes(free), found);
    }

    [Fact]
    public void Of_many_the_first_hundred_are_looked_at()
    {
        SubnetPool pool = SubnetPool.Derive(IpPrefix.Parse("10.0.0.0/8"), default);

        List<IpPrefix> found = SubnetAllocator.FirstFree(pool, Prefixes("10.0.0.0/16"));

        Assert.Equal(100, found.Count);
        Assert.Equal(IpPrefix.Parse("10.1.0.0/24"), found[0]);
        Assert.Equal(IpPrefix.Parse("10.1.99.0/24"), found[^1]);
    }

    [Fact]
    public void A_taken_prefix_of_astronomic_size_is_one_step()
    {
        SubnetPool pool = SubnetPool.Derive(IpPrefix.Parse("fd00::/8"), default);

        List<IpPrefix> found = SubnetAllocator.FirstFree(pool, Prefixes("fd00::/9"));

        Assert.Equal(IpPrefix.Parse("fd80::/64"), found[0]);
    }

    [Fact]
    public void Each_familys_preference_counts_for_itself()
    {
        SubnetPools pools = new(
            SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default),
            SubnetPool.Derive(IpPrefix.Parse("fd00::/62"), default));
        SubnetPair preferred = Pair("10.3.77.0/24", "fd00:0:0:2::/64");
        SubnetPair[] taken = [Pair("10.3.1.0/24", "fd00:0:0:2::/64"), Pair("10.3.2.0/24", "fd00:0:0:1::/64")];

        SubnetPair? picked = SubnetAllocator.Pick(pools, preferred, taken, new Random(1));

        Assert.Equal(Pair("10.3.77.0/24", "fd00:0:0:3::/64"), picked);
    }

    [Fact]
    public void The_IPv6_subnet_is_the_one_in_the_same_place()
    {
        SubnetPools pools = new(
            SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default),
            SubnetPool.Derive(IpPrefix.Parse("fd00::/48"), default));
        SubnetPair preferred = new(IpPrefix.Parse("10.3.77.0/24"), default);

        SubnetPair? picked = SubnetAllocator.Pick(pools, preferred, [], new Random(1));

        Assert.Equal(Pair("10.3.77.0/24", "fd00:0:0:4d::/64"), picked);
    }

    [Fact]
    public void Where_IPv6_has_no_such_place_any_other_will_do()
    {
        SubnetPools pools = new(
            SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default),
            SubnetPool.Derive(IpPrefix.Parse("fd00::/62"), default));
        SubnetPair preferred = new(IpPrefix.Parse("10.3.77.0/24"), default);

        SubnetPair? picked = SubnetAllocator.Pick(pools, preferred, [], new Random(1));

        Assert.True(pools.IPv6.Holds(picked?.IPv6Subnet ?? default));
    }

    [Fact]
    public void Nothing_is_picked_when_one_family_has_none_left()
    {
        SubnetPools pools = new(
            SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default),
            SubnetPool.Derive(IpPrefix.Parse("fd00::/62"), default));

        Assert.Null(SubnetAllocator.Pick(pools, default, [Pair("10.9.0.0/24", "fd00::/62")], new Random(1)));
    }

    private static SubnetPair Pair(string ipv4, string ipv6) => new(IpPrefix.Parse(ipv4), IpPrefix.Parse(ipv6));

    private static IEnumerable<IpPrefix> Prefixes(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IpPrefix.Parse);
}

using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class LeaseKeyTests
{
    [Theory]
    [InlineData("10.12.13.0-24", "10.12.13.0/24", "")]
    [InlineData("10.12.13.0-24&fd00:12:13::-56", "10.12.13.0/24", "fd00:12:13::/56")]
    [InlineData("0.0.0.0-0&fd00:12:13::-64", "", "fd00:12:13::/64")]
    [InlineData("10.12.13.14-32", "10.12.13.14/32", "")]
    public void A_lease_has_one_key(string key, string ipv4, string ipv6)
    {
        _ = IpPrefix.TryParse(ipv4, out IpPrefix subnet);
        _ = IpPrefix.TryParse(ipv6, out IpPrefix ipv6Subnet);

        Assert.True(LeaseKey.TryParse(key, out SubnetPair pair));
        Assert.Equal(new SubnetPair(subnet, ipv6Subnet), pair);
        Assert.Equal(key, LeaseKey.Format(pair));
    }

    [Theory]
    [InlineData("10.12.13.0", "no length")]
    [InlineData("10.12.13-24", "three octets")]
    [InlineData("10.12.300.0-24", "an octet above 255")]
    [InlineData("10.12.13.0-24x", "something behind")]
    [InlineData("x10.12.13.0-24", "something before")]
    [InlineData("10.12.13.0-33", "a length above 32")]
    [InlineData("10.12.13.0-24&", "nothing behind the and")]
    [InlineData("fd00:12:13::-56", "IPv6 alone")]
    [InlineData("10.12.13.0-24&fd00:12:13::", "no length behind IPv6")]
    [InlineData("10.12.13.0-24&:fd00:12:13::-56", "a colon before")]
    [InlineData("10.12.13.0-24&fd00:12345::-56", "a group of five digits")]
    [InlineData("10.12.13.0-24&fd00::-129", "a length above 128")]
    [InlineData("10.12.13.0-24&FD00::-56", "capitals")]
    [InlineData("10.12.13.0-24&::ffff:a00:0-104", "IPv4 in disguise")]
    [InlineData("10.12.13.0-24&10.12.14.0-24", "IPv4 twice")]
    [InlineData("10.12.13.0-+24", "a sign")]
    [InlineData("010.12.13.0-24", "a leading zero")]
    [InlineData("0.0.0.0-0", "no subnet at all")]
    [InlineData("sub/10.12.13.0-24", "a directory")]
    [InlineData("", "nothing")]
    public void Other_keys_are_no_leases(string key, string because)
    {
        Assert.False(LeaseKey.TryParse(key, out _), because);
    }

    [Fact]
    public void Host_bits_do_not_count()
    {
        Assert.True(LeaseKey.TryParse("10.12.13.14-24", out SubnetPair pair));
        Assert.Equal(IpPrefix.Parse("10.12.13.0/24"), pair.Subnet);
    }

    [Theory]
    [InlineData("/a.b/net", "/a.b/net/config", "/a.b/net/subnets/", "/a.b/net/subnets0")]
    [InlineData("/a.b//net/", "/a.b/net/config", "/a.b/net/subnets/", "/a.b/net/subnets0")]
    [InlineData("flannel[.*", "flannel[.*/config", "flannel[.*/subnets/", "flannel[.*/subnets0")]
    [InlineData("/", "/config", "/subnets/", "/subnets0")]
    [InlineData("", "config", "subnets/", "subnets0")]
    public void A_prefix_has_a_config_and_a_directory(string prefix, string config, string first, string end)
    {
        LeaseKeys keys = new(prefix);

        Assert.Equal(config, keys.Config);
        Assert.Equal(new KeyRange(first, end), keys.All);
        Assert.Equal(first + "10.5.52.0-24", keys.Of(new SubnetPair(IpPrefix.Parse("10.5.52.0/24"), default)));
        Assert.Equal("10.5.52.0-24", keys.NameOf(first + "10.5.52.0-24"));
    }
}

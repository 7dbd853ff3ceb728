using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class SubnetPoolTests
{
    [Theory]
    [InlineData("10.3.0.0/16", null, 24, "10.3.1.0", "10.3.255.0")]
    [InlineData("10.3.0.0/22", null, 24, "10.3.1.0", "10.3.3.0")]
    [InlineData("10.3.0.0/23", null, 25, "10.3.0.128", "10.3.1.128")]
    [InlineData("10.3.0.0/28", null, 30, "10.3.0.4", "10.3.0.12")]
    [InlineData("10.0.0.0/8", 16u, 16, "10.1.0.0", "10.255.0.0")]
    [InlineData("255.255.0.0/16", null, 24, "255.255.1.0", "255.255.255.0")]
    [InlineData("fc00::/48", null, 64, "fc00:0:0:1::", "fc00:0:0:ffff::")]
    [InlineData("fc00::/62", null, 64, "fc00:0:0:1::", "fc00:0:0:3::")]
    [InlineData("fc00::/63", null, 65, "fc00:0:0:0:8000::", "fc00:0:0:1:8000::")]
    [InlineData("fc00::/124", null, 126, "fc00::4", "fc00::c")]
    public void What_is_not_given_is_derived(string network, uint? length, int derived, string min, string max)
    {
        SubnetPool pool = SubnetPool.Derive(IpPrefix.Parse(network), new SubnetSettings(length, default, default));

        Assert.Equal(
            new SubnetPool(IpPrefix.Parse(network), derived, IpAddr.Parse(min), IpAddr.Parse(max)), pool);
    }

    [Theory]
    [InlineData("10.3.0.0/16", 31u, "", "", "SubnetLen 31 leaves no room for pods: give 30 or less")]
    [InlineData("10.3.0.0/16", 17u, "", "", "SubnetLen 17 cuts Network 10.3.0.0/16 into fewer")]
    [InlineData("10.3.0.0/29", null, "", "", "Network 10.3.0.0/29 is too small to be cut into subnets: give /28")]
    [InlineData("10.3.0.0/16", null, "10.4.0.0", "", "SubnetMin 10.4.0.0 is outside of 10.3.0.0/16: give an")]
    [InlineData("10.3.0.0/16", null, "", "10.2.255.0", "SubnetMax 10.2.255.0 is outside of 10.3.0.0/16")]
    [InlineData("10.3.0.0/16", null, "10.3.0.1", "", "SubnetMin 10.3.0.1 is not the start of a /24 subnet: give")]
    [InlineData("10.3.0.0/16", 20u, "", "10.3.255.0", "SubnetMax 10.3.255.0 is not the start of a /20 subnet: give")]
    [InlineData("10.3.0.0/16", null, "10.3.9.0", "10.3.8.0", "SubnetMin 10.3.9.0 comes after SubnetMax 10.3.8.0")]
    [InlineData("fc00::/48", 127u, "", "", "IPv6SubnetLen 127 leaves no room for pods: give 126 or less")]
    [InlineData("fc00::/48", 49u, "", "", "IPv6SubnetLen 49 cuts IPv6Network fc00::/48 into fewer")]
    [InlineData("fc00::/125", null, "", "", "IPv6Network fc00::/125 is too small to be cut into subnets: give /124")]
    [InlineData("fc00::/48", null, "fc00::1", "", "IPv6SubnetMin fc00::1 is not the start of a /64 subnet")]
    public void A_contradiction_is_named_and_so_is_its_remedy(
        string network, uint? length, string min, string max, string message)
    {
        _ = IpAddr.TryParse(min, out IpAddr first);
        _ = IpAddr.TryParse(max, out IpAddr last);

        FormatException e = Assert.Throws<FormatException>(
            () => SubnetPool.Derive(IpPrefix.Parse(network), new SubnetSettings(length, first, last)));

        Assert.StartsWith(message, e.Message);
    }

    [Theory]
    [InlineData("10.3.1.0/24", true)]
    [InlineData("10.3.255.0/24", true)]
    [InlineData("10.3.0.0/24", false)]
    [InlineData("10.3.1.0/25", false)]
    [InlineData("10.3.1.1/24", false)]
    [InlineData("10.4.1.0/24", false)]
    [InlineData("fd00::/24", false)]
    public void A_pool_holds_subnets_of_its_length_in_its_range(string subnet, bool isHeld)
    {
        SubnetPool pool = SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default);

        Assert.Equal(isHeld, pool.Holds(IpPrefix.Parse(subnet)));
    }

    [Fact]
    public void A_lease_without_IPv6_is_good_only_where_IPv6_is_off()
    {
        SubnetPool ipv4 = SubnetPool.Derive(IpPrefix.Parse("10.3.0.0/16"), default);
        SubnetPool ipv6 = SubnetPool.Derive(IpPrefix.Parse("fc00::/48"), default);
        SubnetPair lease = new(IpPrefix.Parse("10.3.1.0/24"), default);

        Assert.True(new SubnetPools(ipv4, default).Holds(lease));
        Assert.False(new SubnetPools(ipv4, ipv6).Holds(lease));
    }
}

using FlannelCni.Linux.Net;
using FsCheck;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Net;

/// <summary>Prefixes, above all at both ends of each family.</summary>
public sealed class IpPrefixTests
{
    [Theory]
    [InlineData("10.1.17.1/24", "10.1.17.1/24")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("10.1.2.3/32", "10.1.2.3/32")]
    [InlineData("::/0", "::/0")]
    [InlineData("FD00:0::1/64", "fd00::1/64")]
    [InlineData("fd00::1/128", "fd00::1/128")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.0/8")]
    public void A_prefix_is_read_and_printed_with_its_host_bits(string text, string printed)
    {
        Assert.Equal(printed, IpPrefix.Parse(text).ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("10.0.0.0")]
    [InlineData("10.0.0.0/")]
    [InlineData("/24")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/+8")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0.0.0/8 ")]
    [InlineData("10.0.0.0/8\0")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("10.0.0.0/0x8")]
    [InlineData("10.0.0.0/255.0.0.0")]
    [InlineData("10.0.0.0/4294967304")]
    [InlineData("10/8")]
    [InlineData("::/129")]
    [InlineData("::ffff:10.0.0.0/95")]
    [InlineData("fe80::1%eth0/64")]
    public void What_is_no_prefix_is_refused(string? text)
    {
        Assert.False(IpPrefix.TryParse(text, out IpPrefix prefix));
        Assert.True(prefix.IsNone);
        Assert.Throws<FormatException>(() => IpPrefix.Parse(text!));
    }

    [Theory]
    [InlineData("10.244.1.17/24", "10.244.1.0", "10.244.1.255")]
    [InlineData("10.244.1.17/31", "10.244.1.16", "10.244.1.17")]
    [InlineData("10.244.1.17/32", "10.244.1.17", "10.244.1.17")]
    [InlineData("10.244.1.17/1", "0.0.0.0", "127.255.255.255")]
    [InlineData("10.244.1.17/0", "0.0.0.0", "255.255.255.255")]
    [InlineData("fd00::17/64", "fd00::", "fd00::ffff:ffff:ffff:ffff")]
    [InlineData("fd00::17/65", "fd00::", "fd00::7fff:ffff:ffff:ffff")]
    [InlineData("fd00::17/63", "fd00::", "fd00:0:0:1:ffff:ffff:ffff:ffff")]
    [InlineData("fd00::17/127", "fd00::16", "fd00::17")]
    [InlineData("fd00::17/128", "fd00::17", "fd00::17")]
    [InlineData("fd00::17/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void A_prefix_has_its_first_and_last_address(string prefix, string first, string last)
    {
        Assert.Equal(IpAddr.Parse(first), IpPrefix.Parse(prefix).Base);
        Assert.Equal(IpAddr.Parse(last), IpPrefix.Parse(prefix).Last);
    }

    [Theory]
    [InlineData("0.0.0.0/0", "255.255.255.255/32", true)]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", true)]
    [InlineData("0.0.0.0/0", "::/0", false)]
    [InlineData("::/0", "10.0.0.0/8", false)]
    [InlineData("10.1.0.0/16", "10.1.255.0/24", true)]
    [InlineData("10.1.0.0/16", "10.2.0.0/24", false)]
    [InlineData("10.1.0.0/16", "10.0.0.0/8", false)]
    [InlineData("10.1.2.3/32", "10.1.2.3/32", true)]
    [InlineData("10.1.2.3/32", "10.1.2.4/32", false)]
    [InlineData("fd00::/64", "fd00::1/128", true)]
    [InlineData("fd00::/64", "fd00:0:0:1::/128", false)]
    [InlineData("fd00::1/128", "fd00::1/128", true)]
    public void Containing_a_prefix_is_containing_all_of_it(string outer, string inner, bool expected)
    {
        IpPrefix one = IpPrefix.Parse(outer);
        IpPrefix other = IpPrefix.Parse(inner);

        Assert.Equal(expected, one.Contains(other));
        Assert.Equal(expected || other.Contains(one), one.Overlaps(other));
        Assert.Equal(one.Overlaps(other), other.Overlaps(one));
    }

    [Fact]
    public void An_address_is_inside_exactly_when_it_is_between_first_and_last()
    {
        Arbitrary<(uint, uint, int)> all =
            (from a in ArbMap.Default.GeneratorFor<uint>()
             from b in ArbMap.Default.GeneratorFor<uint>()
             from length in Gen.Choose(0, 32)
             select (a, b, length)).ToArbitrary();

        Prop.ForAll(all, static sample =>
        {
            IpPrefix prefix = new(IpAddr.FromUInt32(sample.Item1), sample.Item3);
            IpAddr address = IpAddr.FromUInt32(sample.Item2);
            return prefix.Contains(address) == (address >= prefix.Base && address <= prefix.Last)
                && prefix.Contains(prefix.Last)
                && prefix.Masked.IsMasked
                && IpPrefix.Parse(prefix.ToString()) == prefix;
        }).Hold();
    }

    [Theory]
    [InlineData("10.0.0.1", -1)]
    [InlineData("10.0.0.1", 33)]
    [InlineData("::1", 129)]
    public void A_length_outside_the_family_is_refused(string address, int length)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new IpPrefix(IpAddr.Parse(address), length));
    }

    [Fact]
    public void No_prefix_contains_nothing_and_is_not_the_default_route()
    {
        IpPrefix none = default;

        Assert.False(none.Contains(default(IpAddr)));
        Assert.False(none.Overlaps(none));
        Assert.False(none.IsDefault);
        Assert.Equal("", none.ToString());
        Assert.True(none.Last.IsNone);
    }

    [Fact]
    public void Prefixes_sort_by_address_then_the_shorter_first()
    {
        string[] sorted = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "::/0", "fd00::/64"];

        Assert.Equal(sorted, sorted.Reverse().Select(IpPrefix.Parse).Order().Select(static p => p.ToString()));
    }
}

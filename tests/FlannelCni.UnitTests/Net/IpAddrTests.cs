using FlannelCni.Linux.Net;
using FsCheck;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Net;

/// <summary>Addresses are read and printed as Go's net/netip does.</summary>
public sealed class IpAddrTests
{
    [Theory]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("10.244.1.255", "10.244.1.255")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("1::", "1::")]
    [InlineData("fd00::1", "fd00::1")]
    [InlineData("FD00::ABCD", "fd00::abcd")]
    [InlineData("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1")]
    [InlineData("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
    [InlineData("2001:0:0:1:0:0:0:1", "2001:0:0:1::1")]
    [InlineData("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0")]
    [InlineData("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8")]
    [InlineData("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8")]
    [InlineData("0:0:0:0:0:0:0:0", "::")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("::1.2.3.4", "::102:304")]
    [InlineData("64:ff9b::192.0.2.1", "64:ff9b::c000:201")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("::ffff:c000:201", "192.0.2.1")]
    public void An_address_is_read_and_printed_in_its_one_form(string text, string printed)
    {
        Assert.Equal(printed, IpAddr.Parse(text).ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" 10.0.0.1")]
    [InlineData("10.0.0.1 ")]
    [InlineData("10.0.0.1\n")]
    [InlineData("10.0.0.1\0")]
    [InlineData("10.1")]
    [InlineData("10.0.0")]
    [InlineData("10.0.0.0.1")]
    [InlineData("10.0.0.")]
    [InlineData(".0.0.1")]
    [InlineData("10..0.1")]
    [InlineData("10.0.0.256")]
    [InlineData("10.0.0.01")]
    [InlineData("10.0.0.00")]
    [InlineData("10.0.0.-1")]
    [InlineData("10.0.0.+1")]
    [InlineData("10.0.0.0x1")]
    [InlineData("167772161")]
    [InlineData("10.0.0.1/24")]
    [InlineData("10.0.0.٣")]
    [InlineData(":")]
    [InlineData(":::")]
    [InlineData("1:")]
    [InlineData(":1")]
    [InlineData("1::2::3")]
    [InlineData("1:::2")]
    [InlineData("::1:")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("1:2:3:4:5:6:7:8::")]
    [InlineData("::1:2:3:4:5:6:7:8")]
    [InlineData("1::2:3:4:5:6:7:8")]
    [InlineData("12345::")]
    [InlineData("::g")]
    [InlineData("::1\0")]
    [InlineData("::-1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("[::1]")]
    [InlineData("::1/64")]
    [InlineData("1.2.3.4::")]
    [InlineData("::1.2.3")]
    [InlineData("::1.2.3.4:5")]
    [InlineData("::01.2.3.4")]
    [InlineData("1:2:3:4:5:6:7:1.2.3.4")]
    [InlineData("::1:2:3:4:5:6:1.2.3.4")]
    public void What_Go_refuses_is_refused(string? text)
    {
        Assert.False(IpAddr.TryParse(text, out IpAddr address));
        Assert.True(address.IsNone);
        Assert.Throws<FormatException>(() => IpAddr.Parse(text!));
    }

    [Fact]
    public void Every_IPv4_address_survives_printing_and_reading() =>
        Prop.ForAll(ArbMap.Default.ArbFor<uint>(), static value =>
            IpAddr.Parse(IpAddr.FromUInt32(value).ToString()) == IpAddr.FromUInt32(value)).Hold();

    [Fact]
    public void Every_IPv6_address_survives_printing_and_reading()
    {
        // Zero groups are what the printed form is about: half of them are.
        Gen<byte[]> bytes = Gen.Elements<byte>(0, 0, 0, 1, 0x10, 0xFF).ArrayOf(16);

        Prop.ForAll(bytes.ToArbitrary(), static value =>
        {
            IpAddr address = IpAddr.FromBytes(value);
            Span<byte> written = stackalloc byte[16];
            return IpAddr.Parse(address.ToString()) == address
                && address.WriteTo(written) == 16
                && written.SequenceEqual(value);
        }).Hold();
    }

    [Fact]
    public void A_mapped_address_from_bytes_stays_IPv6()
    {
        IpAddr address = IpAddr.FromBytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1]);

        Assert.True(address.Is6);
        Assert.Equal("::ffff:192.0.2.1", address.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(15)]
    [InlineData(17)]
    public void Bytes_of_another_length_are_no_address(int length)
    {
        Assert.Throws<FormatException>(() => IpAddr.FromBytes(new byte[length]));
    }

    [Theory]
    [InlineData("10.0.0.255", 1, "10.0.1.0")]
    [InlineData("255.255.255.255", 1, "0.0.0.0")]
    [InlineData("::ffff:ffff", 1, "::1:0:0")]
    [InlineData("2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::")]
    public void Counting_carries_and_wraps_at_the_end_of_the_family(string address, int offset, string sum)
    {
        Assert.Equal(IpAddr.Parse(sum), IpAddr.Parse(address).Add((UInt128)offset));
    }

    [Theory]
    [InlineData("10.0.0.1", true)]
    [InlineData("169.254.0.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("fd00::1", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("fe80::1", false)]
    [InlineData("febf::1", false)]
    [InlineData("fec0::1", true)]
    [InlineData("ff02::1", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    public void Global_unicast_is_what_Go_calls_so(string address, bool isGlobal)
    {
        Assert.Equal(isGlobal, IpAddr.Parse(address).IsGlobalUnicast);
    }

    [Fact]
    public void Addresses_sort_IPv4_first_then_by_value()
    {
        string[] sorted = ["0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "1::", "ff00::"];

        Assert.Equal(sorted, sorted.Reverse().Select(IpAddr.Parse).Order().Select(static a => a.ToString()));
    }

    [Fact]
    public void No_address_is_empty_and_cannot_be_written()
    {
        IpAddr none = default;

        Assert.Equal("", none.ToString());
        Assert.Equal(none, none.Add(1));
        Assert.False(none.IsGlobalUnicast || none.IsUnspecified || none.Is4 || none.Is6);
        Assert.NotEqual(none, IpAddr.Any4);
        Assert.NotEqual(IpAddr.Any4, IpAddr.Any6);
        Assert.Throws<InvalidOperationException>(() => none.WriteTo(new byte[16]));
    }

    [Theory]
    [InlineData("fd00::1", "ff02::1:ff00:1")]
    [InlineData("2001:db8:0:1:2:3:12ab:cdef", "ff02::1:ffab:cdef")]
    [InlineData("10.0.0.1", "")]
    public void Neighbours_ask_for_an_IPv6_address_in_a_group_of_its_last_24_bits(string address, string group)
    {
        IpAddr expected = group.Length == 0 ? default : IpAddr.Parse(group);

        Assert.Equal(expected, IpAddr.Parse(address).SolicitedNode);
    }
}

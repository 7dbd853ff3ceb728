using FlannelCni.Linux.Net;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Net;

/// <summary>48-bit addresses in the three notations that Go reads.</summary>
public sealed class MacAddressTests
{
    [Theory]
    [InlineData("aa:bb:cc:dd:ee:0f", "aa:bb:cc:dd:ee:0f")]
    [InlineData("AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f")]
    [InlineData("aabb.ccdd.ee0f", "aa:bb:cc:dd:ee:0f")]
    [InlineData("00:00:00:00:00:00", "00:00:00:00:00:00")]
    [InlineData("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff")]
    public void An_address_is_read_in_three_notations_and_printed_in_one(string text, string printed)
    {
        Assert.Equal(printed, MacAddress.Parse(text).ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("aa:bb:cc:dd:ee")]
    [InlineData("aa:bb:cc:dd:ee:ff:00")]
    [InlineData("aa:bb-cc:dd-ee:ff")]
    [InlineData("aa:bb:cc:dd:ee:f")]
    [InlineData("aa:bb:cc:dd:ee:f\0")]
    [InlineData("aa:bb:cc:dd:ee: f")]
    [InlineData("aa:bb:cc:dd:ee:fg")]
    [InlineData("aa:bb:cc:dd:ee:-f")]
    [InlineData("aabbccddeeff")]
    [InlineData("aabb.ccdd-eeff")]
    [InlineData("aa.bb.cc.dd.ee.ff")]
    [InlineData("02:00:5e:10:00:00:00:01")]
    public void What_is_no_such_address_is_refused(string? text)
    {
        Assert.False(MacAddress.TryParse(text, out _));
        Assert.Throws<FormatException>(() => MacAddress.Parse(text!));
    }

    [Fact]
    public void Every_address_survives_printing_reading_and_the_wire() =>
        Prop.ForAll(ArbMap.Default.GeneratorFor<byte>().ArrayOf(6).ToArbitrary(), static bytes =>
        {
            MacAddress mac = MacAddress.FromBytes(bytes);
            Span<byte> written = stackalloc byte[MacAddress.ByteLength];
            mac.WriteTo(written);
            return MacAddress.Parse(mac.ToString()) == mac && written.SequenceEqual(bytes);
        }).Hold();

    [Fact]
    public void A_made_address_is_unicast_and_locally_administered() =>
        Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), static random =>
        {
            MacAddress mac = MacAddress.LocallyAdministered(random);
            Span<byte> bytes = stackalloc byte[MacAddress.ByteLength];
            mac.WriteTo(bytes);
            return mac.IsUnicast && (bytes[0] & 3) == 2;
        }).Hold();

    [Theory]
    [InlineData("00:00:00:00:00:00", false)]
    [InlineData("01:00:5e:00:00:01", false)]
    [InlineData("ff:ff:ff:ff:ff:ff", false)]
    [InlineData("02:00:00:00:00:01", true)]
    public void Unicast_is_neither_zero_nor_a_group(string mac, bool isUnicast)
    {
        Assert.Equal(isUnicast, MacAddress.Parse(mac).IsUnicast);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(8)]
    public void Bytes_of_another_length_are_no_address(int length)
    {
        Assert.Throws<FormatException>(() => MacAddress.FromBytes(new byte[length]));
    }
}

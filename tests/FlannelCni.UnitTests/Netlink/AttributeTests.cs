using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Netlink;

/// <summary>Attributes, <c>nla_len:u16 | nla_type:u16 | payload | pad to 4</c>, written and read.</summary>
public sealed class AttributeTests
{
    private enum Outer : ushort
    {
        Number = 1,
        Name = 2,
        Inner = 3,
        Flag = 4,
        Port = 5,
    }

    private enum Inner : ushort
    {
        Byte = 1,
        Address = 2,
    }

    [Fact]
    public void Attributes_are_padded_and_a_nest_counts_what_is_in_it()
    {
        Span<byte> buffer = stackalloc byte[128];
        buffer.Fill(0xEE);

        NetlinkWriter<uint, Outer> message = new(buffer, 0x1234, NlMsgFlags.NLM_F_REQUEST, 0xAABBCCDD);
        message.Attributes.Write(Outer.Number, 7u);
        message.Attributes.WriteString(Outer.Name, "eth0");
        using (AttributeWriter<Inner> inner = message.Attributes.Nest<Inner>(Outer.Inner))
        {
            inner.Write(Inner.Byte, (byte)9);
            inner.Write(Inner.Address, IpAddr.Parse("10.0.0.1"));
        }

        message.Attributes.WriteFlag(Outer.Flag);
        message.Attributes.WriteBigEndian(Outer.Port, (ushort)8472);

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                """
                48000000 3412 0100 00000000 00000000  DDCCBBAA
                08000100 07000000
                09000200 65746830 00000000
                14000380
                  05000100 09000000
                  08000200 0A000001
                04000400
                06000500 21180000
                """)),
            Hex.Text(message.Written));
    }

    [Fact]
    public void What_was_written_is_read_again()
    {
        Span<byte> buffer = stackalloc byte[128];
        NetlinkWriter<uint, Outer> message = new(buffer, 16, NlMsgFlags.None, 0);
        message.Attributes.Write(Outer.Number, 7u);
        message.Attributes.WriteString(Outer.Name, "eth0");
        List<string> read = [];

        foreach (NetlinkAttribute<Outer> attribute in new AttributeReader<Outer>(message.Written[20..]))
        {
            read.Add($"{attribute.Type} {(attribute.Type == Outer.Name
                ? attribute.ReadString()
                : attribute.ReadUInt32().ToString(System.Globalization.CultureInfo.InvariantCulture))}");
        }

        Assert.Equal(["Number 7", "Name eth0"], read);
    }

    [Fact]
    public void The_flags_of_a_type_do_not_hide_it()
    {
        AttributeReader<Outer> reader = new(Hex.Bytes("0400 01C0"));

        Assert.True(reader.MoveNext());
        Assert.Equal(Outer.Number, reader.Current.Type);
    }

    [Fact]
    public void The_last_attribute_may_lack_its_padding()
    {
        AttributeReader<Outer> reader = new(Hex.Bytes("0500 0100 09"));

        Assert.True(reader.MoveNext());
        Assert.Equal(9, reader.Current.ReadByte());
        Assert.False(reader.MoveNext());
    }

    [Theory]
    [InlineData("0300 0100", "length below its header")]
    [InlineData("0000 0100", "length zero")]
    [InlineData("0900 0100 00000000", "length past the end")]
    [InlineData("FFFF 0100 00000000", "greatest length")]
    [InlineData("0400", "half a header")]
    [InlineData("0400 0100 0400", "half a header after an attribute")]
    [InlineData("0500 0100 01000000 0100 0100", "bad length after an attribute")]
    public void Malformed_attributes_are_refused(string hex, string because)
    {
        byte[] bytes = Hex.Bytes(hex);

        InvalidDataException e = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (NetlinkAttribute<Outer> _ in new AttributeReader<Outer>(bytes))
            {
            }
        });

        Assert.True(e.Message.StartsWith("netlink attribute", StringComparison.Ordinal), because);
    }

    [Fact]
    public void A_payload_of_another_length_names_the_attribute()
    {
        byte[] bytes = Hex.Bytes("0600 0100 0102 0000");

        InvalidDataException e = Assert.Throws<InvalidDataException>(() =>
        {
            AttributeReader<Outer> reader = new(bytes);
            reader.MoveNext();
            reader.Current.ReadUInt32();
        });

        Assert.Equal("netlink attribute Number: 2 bytes, 4 expected", e.Message);
    }

    [Fact]
    public void A_buffer_that_is_too_small_is_an_error_and_nothing_is_written_past_it()
    {
        byte[] buffer = new byte[32];

        Assert.ThrowsAny<ArgumentException>(() =>
        {
            NetlinkWriter<uint, Outer> message = new(buffer.AsSpan(0, 28), 16, NlMsgFlags.None, 0);
            message.Attributes.WriteString(Outer.Name, "longer than that");
        });
        Assert.Equal(new byte[4], buffer[28..]);
    }
}

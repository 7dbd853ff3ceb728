using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Netlink;

/// <summary>Datagrams from the kernel, and the sentence in an extended acknowledgement.</summary>
public sealed class NetlinkReplyTests
{
    // NLMSG_ERROR, CAPPED | ACK_TLVS: -ERANGE, the header of a request of 96 bytes, NLMSGERR_ATTR_MSG and _OFFS.
    private const string Capped =
        "44000000 0200 0003 05000000 00000000  DEFFFFFF" +
        "60000000 1000 0506 05000000 00000000" +
        "12000100 564E4920 746F6F20 6C617267 6500 0000" +
        "08000200 5C000000";

    // The same, the request's 8 bytes of payload repeated.
    private const string Uncapped =
        "44000000 0200 0002 05000000 00000000  DEFFFFFF" +
        "18000000 1000 0506 05000000 00000000 0102030405060708" +
        "12000100 564E4920 746F6F20 6C617267 6500 0000";

    [Theory]
    [InlineData(Capped)]
    [InlineData(Uncapped)]
    public void The_sentence_is_found_behind_the_request(string hex)
    {
        byte[] datagram = Hex.Bytes(hex);
        BitConverter.TryWriteBytes(datagram, datagram.Length);
        NetlinkReply reply = new(datagram);

        Assert.True(reply.MoveNext());
        Assert.Equal(Errno.ERANGE, reply.Current.ReadError());
        Assert.Equal("VNI too large", reply.Current.ReadKernelMessage());
    }

    [Fact]
    public void Without_the_flag_there_is_no_sentence()
    {
        byte[] datagram = Hex.Bytes(
            "24000000 0200 0000 05000000 00000000  EDFFFFFF 10000000 1100 0500 05000000 00000000");
        NetlinkReply reply = new(datagram);

        Assert.True(reply.MoveNext());
        Assert.Equal(Errno.ENODEV, reply.Current.ReadError());
        Assert.Null(reply.Current.ReadKernelMessage());
        Assert.False(reply.MoveNext());
    }

    [Theory]
    [InlineData("10000000 0200", "half a header")]
    [InlineData("0F000000 0200 0000 00000000 00000000", "length below the header")]
    [InlineData("11000000 0200 0000 00000000 00000000", "length past the end")]
    [InlineData("FFFFFFFF 0200 0000 00000000 00000000", "length as a negative number")]
    public void Malformed_messages_are_refused(string hex, string because)
    {
        byte[] datagram = Hex.Bytes(hex);

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => new NetlinkReply(datagram).MoveNext());

        Assert.True(e.Message.StartsWith("netlink message", StringComparison.Ordinal), because);
    }

    [Theory]
    [InlineData("10000000 0200 0002 05000000 00000000", "no error number")]
    [InlineData("14000000 0200 0002 05000000 00000000 EDFFFFFF", "no request")]
    [InlineData("24000000 0200 0002 05000000 00000000 EDFFFFFF FFFFFF7F 0000 0000 00000000 00000000", "a long request")]
    [InlineData("26000000 0200 0003 05000000 00000000 EDFFFFFF 10000000 0000 0000 00000000 00000000 0400", "half")]
    public void Malformed_errors_are_refused(string hex, string because)
    {
        byte[] datagram = Hex.Bytes(hex);

        Exception e = Assert.ThrowsAny<Exception>(() =>
        {
            NetlinkReply reply = new(datagram);
            reply.MoveNext();
            reply.Current.ReadError();
            reply.Current.ReadKernelMessage();
        });

        Assert.True(e is InvalidDataException, because);
    }
}

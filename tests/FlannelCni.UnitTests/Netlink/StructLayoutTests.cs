using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.Netlink;

/// <summary>Structs lie in memory as the kernel's and the C library's do.</summary>
public sealed class StructLayoutTests
{
    [Fact]
    public void Sizes_are_those_of_C()
    {
        Assert.Equal(16, Unsafe.SizeOf<NlMsgHdr>());
        Assert.Equal(NlMsgHdr.Size, Unsafe.SizeOf<NlMsgHdr>());
        Assert.Equal(16, Unsafe.SizeOf<IfInfoMsg>());
        Assert.Equal(8, Unsafe.SizeOf<IfAddrMsg>());
        Assert.Equal(12, Unsafe.SizeOf<RtMsg>());
        Assert.Equal(12, Unsafe.SizeOf<NdMsg>());
        Assert.Equal(8, Unsafe.SizeOf<NhMsg>());
        Assert.Equal(12, Unsafe.SizeOf<SockAddrNl>());
        Assert.Equal(8, Unsafe.SizeOf<PollFd>());
        Assert.Equal(16, Unsafe.SizeOf<TimeVal>());
        Assert.Equal(40, Unsafe.SizeOf<IfReq>());
        Assert.Equal(8, Unsafe.SizeOf<EthtoolValue>());
        Assert.Equal(256, Unsafe.SizeOf<Statx>());
        Assert.Equal(128, Unsafe.SizeOf<SigSet>());
        Assert.Equal(336, Unsafe.SizeOf<PosixSpawnAttr>());
        Assert.Equal(80, Unsafe.SizeOf<PosixSpawnFileActions>());
    }

    [Theory]
    [InlineData(typeof(NlMsgHdr), nameof(NlMsgHdr.Type), 4)]
    [InlineData(typeof(NlMsgHdr), nameof(NlMsgHdr.Flags), 6)]
    [InlineData(typeof(NlMsgHdr), nameof(NlMsgHdr.Sequence), 8)]
    [InlineData(typeof(NlMsgHdr), nameof(NlMsgHdr.PortId), 12)]
    [InlineData(typeof(IfInfoMsg), nameof(IfInfoMsg.Type), 2)]
    [InlineData(typeof(IfInfoMsg), nameof(IfInfoMsg.Index), 4)]
    [InlineData(typeof(IfInfoMsg), nameof(IfInfoMsg.Flags), 8)]
    [InlineData(typeof(IfInfoMsg), nameof(IfInfoMsg.Change), 12)]
    [InlineData(typeof(IfAddrMsg), nameof(IfAddrMsg.PrefixLength), 1)]
    [InlineData(typeof(IfAddrMsg), nameof(IfAddrMsg.Flags), 2)]
    [InlineData(typeof(IfAddrMsg), nameof(IfAddrMsg.Scope), 3)]
    [InlineData(typeof(IfAddrMsg), nameof(IfAddrMsg.Index), 4)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.DestinationLength), 1)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.SourceLength), 2)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Tos), 3)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Table), 4)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Protocol), 5)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Scope), 6)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Type), 7)]
    [InlineData(typeof(RtMsg), nameof(RtMsg.Flags), 8)]
    [InlineData(typeof(NdMsg), nameof(NdMsg.Index), 4)]
    [InlineData(typeof(NdMsg), nameof(NdMsg.State), 8)]
    [InlineData(typeof(NdMsg), nameof(NdMsg.Flags), 10)]
    [InlineData(typeof(NdMsg), nameof(NdMsg.Type), 11)]
    [InlineData(typeof(NhMsg), nameof(NhMsg.Scope), 1)]
    [InlineData(typeof(NhMsg), nameof(NhMsg.Protocol), 2)]
    [InlineData(typeof(NhMsg), nameof(NhMsg.Flags), 4)]
    [InlineData(typeof(SockAddrNl), nameof(SockAddrNl.PortId), 4)]
    [InlineData(typeof(SockAddrNl), nameof(SockAddrNl.Groups), 8)]
    [InlineData(typeof(PollFd), nameof(PollFd.Events), 4)]
    [InlineData(typeof(PollFd), nameof(PollFd.ReturnedEvents), 6)]
    [InlineData(typeof(Statx), nameof(Statx.Inode), 32)]
    [InlineData(typeof(Statx), nameof(Statx.DeviceMajor), 136)]
    [InlineData(typeof(Statx), nameof(Statx.DeviceMinor), 140)]
    public void Fields_lie_where_C_has_them(Type type, string field, int offset)
    {
        Assert.Equal(offset, (int)Marshal.OffsetOf(type, field));
    }
}

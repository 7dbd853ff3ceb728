using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Netlink;

/// <summary><c>struct nlmsghdr</c>, linux/netlink.h; 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct NlMsgHdr
{
    /// <summary>Of header, payload and attributes.</summary>
    public uint Length;           // nlmsg_len
    public ushort Type;           // nlmsg_type
    public NlMsgFlags Flags;      // nlmsg_flags
    public uint Sequence;         // nlmsg_seq
    public uint PortId;           // nlmsg_pid: of the sender of a request, of the causer in a notification

    public const int Size = 16;
}

/// <summary>Message types below NLMSG_MIN_TYPE, linux/netlink.h. Families count from 16.</summary>
public static class NlMsgType
{
    public const ushort NLMSG_NOOP = 1;
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const ushort NLMSG_OVERRUN = 4;
}

/// <summary>NLM_F_*, linux/netlink.h. Values above 0x80 mean different things to GET, NEW, DELETE and ACK.</summary>
[Flags]
public enum NlMsgFlags : ushort
{
    None = 0,
    NLM_F_REQUEST = 0x01,
    NLM_F_MULTI = 0x02,
    NLM_F_ACK = 0x04,
    NLM_F_ECHO = 0x08,
    NLM_F_DUMP_INTR = 0x10,
    NLM_F_DUMP_FILTERED = 0x20,

    // GET
    NLM_F_ROOT = 0x100,
    NLM_F_MATCH = 0x200,
    NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH,

    // NEW
    NLM_F_REPLACE = 0x100,
    NLM_F_EXCL = 0x200,
    NLM_F_CREATE = 0x400,
    NLM_F_APPEND = 0x800,

    // ACK
    NLM_F_CAPPED = 0x100,
    NLM_F_ACK_TLVS = 0x200,
}

/// <summary>Attributes of an extended acknowledgement, <c>enum nlmsgerr_attrs</c>.</summary>
public enum NlMsgErrAttr : ushort
{
    NLMSGERR_ATTR_MSG = 1,
    NLMSGERR_ATTR_OFFS = 2,
    NLMSGERR_ATTR_COOKIE = 3,
    NLMSGERR_ATTR_POLICY = 4,
    NLMSGERR_ATTR_MISS_TYPE = 5,
    NLMSGERR_ATTR_MISS_NEST = 6,
}

/// <summary>Netlink protocols, linux/netlink.h.</summary>
public enum NetlinkFamily
{
    NETLINK_ROUTE = 0,
    NETLINK_XFRM = 6,
    NETLINK_NETFILTER = 12,
    NETLINK_GENERIC = 16,
}

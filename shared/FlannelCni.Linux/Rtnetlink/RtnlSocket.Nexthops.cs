using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.NexthopAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP.</content>
public sealed partial class RtnlSocket
{
    /// <summary><c>ip nexthop add id ID via GW dev INDEX [onlink]</c>.</summary>
    /// <exception cref="NetlinkException">EEXIST: the id is taken. EOPNOTSUPP: before Linux 5.3.</exception>
    public void AddNexthop(in Nexthop nexthop)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(Nexthop.Compose(buffer, RTM_NEWNEXTHOP, Create, nexthop), "add nexthop", nexthop.Id);
    }

    /// <summary><c>ip nexthop del id ID</c>. Takes the routes through it with it.</summary>
    /// <returns>False: there was none.</returns>
    public bool DeleteNexthopIfPresent(uint id)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        return _socket.Execute(
            Nexthop.Compose(buffer, RTM_DELNEXTHOP, Change, default(Nexthop) with { Id = id }),
            "delete nexthop",
            id,
            tolerated: Errno.ENOENT);
    }

    /// <summary><c>ip nexthop show id ID</c>. One of a group, or that drops, has no output device.</summary>
    /// <returns>Null: there is none.</returns>
    public Nexthop? FindNexthop(uint id)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<NhMsg, NexthopAttr> request = new(buffer, RTM_GETNEXTHOP, NLM_F_REQUEST, default);
        request.Attributes.Write(NHA_ID, id);
        return _socket.TryGet(
            request.Written,
            "find nexthop",
            id,
            static errno => errno is Errno.ENOENT,
            Nexthop.TryRead,
            out Nexthop nexthop)
            ? nexthop
            : null;
    }

    /// <summary><c>ip nexthop show dev INDEX</c>; 0: of every device.</summary>
    /// <exception cref="NetlinkException">EOPNOTSUPP: before Linux 5.3.</exception>
    public List<Nexthop> ListNexthops(int linkIndex = 0) => _socket.Dump<Nexthop>(
        ComposeNexthopDump(stackalloc byte[MessageSize], linkIndex), "list nexthops", Nexthop.TryRead);

    /// <inheritdoc cref="ListNexthops(int)"/>
    public void ListNexthops(int linkIndex, IDumpReader<Nexthop> reader) => _socket.Dump(
        ComposeNexthopDump(stackalloc byte[MessageSize], linkIndex), "list nexthops", Nexthop.TryRead, reader);

    private static Span<byte> ComposeNexthopDump(Span<byte> buffer, int linkIndex)
    {
        NetlinkWriter<NhMsg, NexthopAttr> request = new(buffer, RTM_GETNEXTHOP, NLM_F_REQUEST | NLM_F_DUMP, default);
        if (linkIndex != 0)
        {
            request.Attributes.Write(NHA_OIF, linkIndex);
        }

        return request.Written;
    }
}

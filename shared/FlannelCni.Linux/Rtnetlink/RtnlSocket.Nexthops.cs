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

    /// <summary><c>ip nexthop show dev INDEX</c>; 0: of every device.</summary>
    public List<Nexthop> ListNexthops(int linkIndex = 0)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<NhMsg, NexthopAttr> request = new(buffer, RTM_GETNEXTHOP, NLM_F_REQUEST | NLM_F_DUMP, default);
        if (linkIndex != 0)
        {
            request.Attributes.Write(NHA_OIF, linkIndex);
        }

        return _socket.Dump<Nexthop>(request.Written, "list nexthops", Nexthop.TryRead);
    }
}

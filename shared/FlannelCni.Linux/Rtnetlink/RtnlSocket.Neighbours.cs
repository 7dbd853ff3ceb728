using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.NeighbourAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: neighbours, and the FDB of a VXLAN device.</content>
public sealed partial class RtnlSocket
{
    /// <summary><c>ip neighbour replace ADDRESS lladdr MAC dev INDEX nud permanent</c>.</summary>
    public void ReplaceNeighbour(in Neighbour neighbour)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            NeighbourMessages.Compose(buffer, RTM_NEWNEIGH, Replace, neighbour),
            "replace neighbour",
            new OnLink<IpAddr>(neighbour.Address, neighbour.LinkIndex));
    }

    /// <summary><c>ip neighbour del ADDRESS dev INDEX</c>.</summary>
    /// <returns>False: there was none.</returns>
    public bool DeleteNeighbourIfPresent(in Neighbour neighbour)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        return _socket.Execute(
            NeighbourMessages.Compose(buffer, RTM_DELNEIGH, Change, neighbour),
            "delete neighbour",
            new OnLink<IpAddr>(neighbour.Address, neighbour.LinkIndex),
            tolerated: Errno.ENOENT);
    }

    /// <summary><c>ip -4 neighbour show dev INDEX</c> or <c>-6</c>.</summary>
    public List<Neighbour> ListNeighbours(bool is6, int linkIndex)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NdMsg header = new() { Family = is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET };
        NetlinkWriter<NdMsg, NeighbourAttr> request = new(buffer, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, header);
        request.Attributes.Write(NDA_IFINDEX, linkIndex);
        return _socket.Dump<Neighbour>(request.Written, "list neighbours", NeighbourMessages.TryReadNeighbour);
    }

    /// <summary><c>bridge fdb replace MAC dev INDEX dst ADDRESS self permanent</c>.</summary>
    public void ReplaceFdbEntry(in FdbEntry entry)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            NeighbourMessages.Compose(buffer, RTM_NEWNEIGH, Replace, entry),
            "replace fdb entry",
            new OnLink<MacAddress>(entry.Mac, entry.LinkIndex));
    }

    /// <summary><c>bridge fdb del MAC dev INDEX self</c>.</summary>
    /// <returns>False: there was none.</returns>
    public bool DeleteFdbEntryIfPresent(in FdbEntry entry)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        return _socket.Execute(
            NeighbourMessages.Compose(buffer, RTM_DELNEIGH, Change, entry),
            "delete fdb entry",
            new OnLink<MacAddress>(entry.Mac, entry.LinkIndex),
            tolerated: Errno.ENOENT);
    }

    /// <summary><c>bridge fdb show dev INDEX</c>. While it changes an entry may come twice, or not at all.</summary>
    public List<FdbEntry> ListFdb(int linkIndex)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NdMsg header = new() { Family = Libc.AF_BRIDGE };
        NetlinkWriter<NdMsg, NeighbourAttr> request = new(buffer, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, header);
        request.Attributes.Write(NDA_IFINDEX, linkIndex);
        return _socket.Dump<FdbEntry>(request.Written, "list fdb", NeighbourMessages.TryReadFdb);
    }
}

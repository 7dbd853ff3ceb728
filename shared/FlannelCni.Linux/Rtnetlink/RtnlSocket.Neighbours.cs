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
    public List<Neighbour> ListNeighbours(bool is6, int linkIndex) => _socket.Dump<Neighbour>(
        ComposeDump(stackalloc byte[MessageSize], is6 ? Libc.AF_INET6 : Libc.AF_INET, linkIndex),
        "list neighbours",
        NeighbourMessages.TryReadNeighbour);

    /// <inheritdoc cref="ListNeighbours(bool, int)"/>
    public void ListNeighbours(bool is6, int linkIndex, IDumpReader<Neighbour> reader) => _socket.Dump(
        ComposeDump(stackalloc byte[MessageSize], is6 ? Libc.AF_INET6 : Libc.AF_INET, linkIndex),
        "list neighbours",
        NeighbourMessages.TryReadNeighbour,
        reader);

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
    public List<FdbEntry> ListFdb(int linkIndex) => _socket.Dump<FdbEntry>(
        ComposeDump(stackalloc byte[MessageSize], Libc.AF_BRIDGE, linkIndex),
        "list fdb",
        NeighbourMessages.TryReadFdb);

    /// <inheritdoc cref="ListFdb(int)"/>
    public void ListFdb(int linkIndex, IDumpReader<FdbEntry> reader) => _socket.Dump(
        ComposeDump(stackalloc byte[MessageSize], Libc.AF_BRIDGE, linkIndex),
        "list fdb",
        NeighbourMessages.TryReadFdb,
        reader);

    private static Span<byte> ComposeDump(Span<byte> buffer, int family, int linkIndex)
    {
        NdMsg header = new() { Family = (byte)family };
        NetlinkWriter<NdMsg, NeighbourAttr> request = new(buffer, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, header);
        request.Attributes.Write(NDA_IFINDEX, linkIndex);
        return request.Written;
    }
}

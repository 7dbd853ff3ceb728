using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>
/// Changes to be sent together and carried out in this order: <see cref="RtnlSocket.Execute"/>. A deletion of what is
/// not there comes back as a failure (ESRCH, ENOENT), for the caller to take as it sees fit. Not for several threads.
/// </summary>
public sealed class RtnlBatch
{
    private const NlMsgFlags Upsert = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
    private const NlMsgFlags Create = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
    private const NlMsgFlags Delete = NLM_F_REQUEST;

    /// <summary>Holds the longest message built here, an IPv6 route with all its attributes (132).</summary>
    private const int MessageSize = 256;

    internal NetlinkBatch Messages { get; } = new();

    public int Count => Messages.Count;

    public void Clear() => Messages.Clear();

    public void ReplaceRoute(in Route route) =>
        Messages.Add(RouteMessages.Compose(stackalloc byte[MessageSize], RTM_NEWROUTE, Upsert, route));

    public void DeleteRoute(in Route route) =>
        Messages.Add(RouteMessages.Compose(stackalloc byte[MessageSize], RTM_DELROUTE, Delete, route));

    public void AddNexthop(in Nexthop nexthop) =>
        Messages.Add(Nexthop.Compose(stackalloc byte[MessageSize], RTM_NEWNEXTHOP, Create, nexthop));

    public void ReplaceNexthop(in Nexthop nexthop) =>
        Messages.Add(Nexthop.Compose(stackalloc byte[MessageSize], RTM_NEWNEXTHOP, Upsert, nexthop));

    public void DeleteNexthop(uint id) => Messages.Add(
        Nexthop.Compose(stackalloc byte[MessageSize], RTM_DELNEXTHOP, Delete, default(Nexthop) with { Id = id }));

    public void ReplaceNeighbour(in Neighbour neighbour) =>
        Messages.Add(NeighbourMessages.Compose(stackalloc byte[MessageSize], RTM_NEWNEIGH, Upsert, neighbour));

    public void DeleteNeighbour(in Neighbour neighbour) =>
        Messages.Add(NeighbourMessages.Compose(stackalloc byte[MessageSize], RTM_DELNEIGH, Delete, neighbour));

    public void ReplaceFdbEntry(in FdbEntry entry) =>
        Messages.Add(NeighbourMessages.Compose(stackalloc byte[MessageSize], RTM_NEWNEIGH, Upsert, entry));

    public void DeleteFdbEntry(in FdbEntry entry) =>
        Messages.Add(NeighbourMessages.Compose(stackalloc byte[MessageSize], RTM_DELNEIGH, Delete, entry));
}

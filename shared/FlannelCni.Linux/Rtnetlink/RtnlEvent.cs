namespace FlannelCni.Linux.Rtnetlink;

/// <summary>What a notification is about.</summary>
public enum RtnlEventKind
{
    Link,
    Address,
    Route,
    Nexthop,
    Neighbour,
    Fdb,
}

/// <summary>A change the kernel announced. The member of its <see cref="Kind"/> is set, the others are not.</summary>
/// <param name="IsDeleted">It is gone; else it is new or changed, and described as it is now.</param>
/// <param name="PortId">
/// Of the netlink socket whose request caused it; 0: the kernel itself. FDB and link notifications always say 0. The
/// end of a neighbour comes twice: as a change to NUD_FAILED by who deleted it, then as a deletion by the kernel.
/// </param>
public readonly record struct RtnlEvent(RtnlEventKind Kind, bool IsDeleted, uint PortId)
{
    public Link? Link { get; init; }

    public LinkAddress Address { get; init; }

    public Route Route { get; init; }

    public Nexthop Nexthop { get; init; }

    public Neighbour Neighbour { get; init; }

    public FdbEntry Fdb { get; init; }
}

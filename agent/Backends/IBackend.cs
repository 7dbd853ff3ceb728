using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends;

/// <summary>
/// A way for pods of different nodes to reach each other: its devices, and what each peer needs in the kernel.
/// </summary>
internal interface IBackend : IAsyncDisposable
{
    /// <summary>As published in leases: <c>vxlan</c>.</summary>
    string Type { get; }

    /// <summary>
    /// In the order of adding: what a later table's entries rely on stands in an earlier one. Removal is in reverse.
    /// </summary>
    IReadOnlyList<ITable> Tables { get; }

    /// <summary>Names of the devices it keeps, for the notifications that concern it.</summary>
    IReadOnlyList<string> DeviceNames { get; }

    /// <summary>
    /// Makes, adopts or repairs its devices. Idempotent: with all right it only looks. Called at the start, when the
    /// underlay or the own lease changes, and when a device of ours or the underlay's changes behind our back.
    /// </summary>
    /// <param name="own">Null before there is a lease: the devices are made, without addresses.</param>
    /// <exception cref="Linux.LinuxException">Nothing of the backend can be had now.</exception>
    ValueTask<Ensured> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken);

    /// <summary>
    /// Could a change to the underlay's routes make <see cref="EnsureAsync"/> say something else? Its link and its
    /// addresses, which concern every backend, are not asked about.
    /// </summary>
    bool Concerns(in RtnlEvent kernelEvent, PlanInput input);

    /// <summary>One family of a lease as this backend understands it. Pure.</summary>
    PeerReading ReadPeer(Lease lease, bool is6, PlanInput input);
}

/// <summary>What all plans are made from.</summary>
/// <param name="Own">This node's lease.</param>
internal sealed record PlanInput(NetworkConfig Network, BackendState State, Underlay Underlay, Lease Own)
{
    /// <summary>Routes on the tunnel device go through nexthop objects.</summary>
    public bool UsesNexthops { get; init; } = State.Nexthops == NexthopObjects.Found;

    /// <summary>All pods' of one family; none: it is off.</summary>
    public IpPrefix NetworkOf(bool is6) => is6 ? Network.IPv6Network : Network.Network;

    /// <summary>This node's of one family; none: it has none.</summary>
    public IpPrefix OwnSubnet(bool is6) => Own.SubnetOf(is6);
}

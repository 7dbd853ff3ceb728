using FlannelCni.Agent.Leases;

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
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    ValueTask<BackendState> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken);

    /// <summary>One family of a lease as this backend understands it. Pure.</summary>
    PeerReading ReadPeer(Lease lease, bool is6, PlanInput input);
}

/// <summary>What all plans are made from.</summary>
/// <param name="Own">This node's lease.</param>
internal sealed record PlanInput(NetworkConfig Network, BackendState State, Underlay Underlay, Lease Own);

using System.Collections.Immutable;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>What we keep of a Node, some 200 bytes of its tens of thousands. Texts are as the API has them.</summary>
/// <remarks>Equal: all but <see cref="ResourceVersion"/>, which every heartbeat changes.</remarks>
internal sealed record NodeRecord
{
    /// <summary><c>metadata.name</c>.</summary>
    public required string Name { get; init; }

    /// <summary><c>metadata.uid</c>; empty where the server gives none.</summary>
    public string Uid { get; init; } = "";

    /// <summary>
    /// <c>metadata.resourceVersion</c>; 0: none, or no number. In a snapshot: when this record last changed, at the
    /// earliest. A record with a lower one than a patch returned was read before that patch.
    /// </summary>
    public ulong ResourceVersion { get; init; }

    /// <summary><c>metadata.creationTimestamp</c> in Unix seconds; 0: none.</summary>
    public long CreatedAt { get; init; }

    /// <summary><c>spec.podCIDRs</c>, else <c>spec.podCIDR</c>, else none. Not checked.</summary>
    public ImmutableArray<string> PodCidrs { get; init; } = [];

    /// <summary>The first IPv4 address of type InternalIP.</summary>
    public IpAddr InternalIP { get; init; }

    /// <summary>The first IPv6 address of type InternalIP.</summary>
    public IpAddr InternalIPv6 { get; init; }

    public NodeAnnotations Annotations { get; init; } = NodeAnnotations.None;

    /// <summary>The condition NetworkUnavailable; null: there is none.</summary>
    public NodeCondition? NetworkUnavailable { get; init; }

    public bool Equals(NodeRecord? other) =>
        other is not null
        && Name == other.Name
        && Uid == other.Uid
        && CreatedAt == other.CreatedAt
        && PodCidrs.AsSpan().SequenceEqual(other.PodCidrs.AsSpan())
        && InternalIP == other.InternalIP
        && InternalIPv6 == other.InternalIPv6
        && Annotations == other.Annotations
        && NetworkUnavailable == other.NetworkUnavailable;

    public override int GetHashCode() => HashCode.Combine(Name, Uid);
}

/// <summary>A condition of a Node.</summary>
/// <param name="Status">True, False or Unknown.</param>
/// <param name="Reason">A word; <c>FlannelIsUp</c>.</param>
internal sealed record NodeCondition(string Status, string Reason);

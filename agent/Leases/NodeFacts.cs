using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>What the datastore knows of this node beside its lease. None: it does not say.</summary>
internal sealed record NodeFacts
{
    /// <summary>Of a datastore that knows nothing of nodes.</summary>
    public static NodeFacts Unknown { get; } = new();

    /// <summary>The IPv4 address by which the cluster itself reaches this node.</summary>
    public IpAddr InternalIP { get; init; }

    /// <summary>Its IPv6 twin.</summary>
    public IpAddr InternalIPv6 { get; init; }

    /// <summary>The IPv4 address to publish, whatever the options say.</summary>
    public IpAddr PublicIP { get; init; }

    /// <summary>Its IPv6 twin.</summary>
    public IpAddr PublicIPv6 { get; init; }

    /// <summary>What an agent of this node published last, whichever it was; null: nothing.</summary>
    public LeaseAttributes? Published { get; init; }

    /// <summary>Do both say the same of where this node is reached?</summary>
    public bool HasAddressesOf(NodeFacts other) => this with { Published = null } == other with { Published = null };
}

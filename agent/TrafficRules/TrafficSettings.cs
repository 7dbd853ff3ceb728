using System.Collections.Immutable;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>What flags and network config say about traffic; it stays as the agent was started.</summary>
internal sealed record TrafficSettings
{
    /// <summary>Full path; names of tables and chains follow from it.</summary>
    public required string SubnetFile { get; init; }

    /// <summary>Of the whole cluster; none where IPv4 is off.</summary>
    public IpPrefix Network { get; init; }

    /// <summary>Of the whole cluster; none where IPv6 is off.</summary>
    public IpPrefix IPv6Network { get; init; }

    /// <summary>EnableNFTables; else iptables.</summary>
    public bool UsesNftables { get; init; }

    /// <summary><c>--ip-masq</c>.</summary>
    public bool Masquerades { get; init; }

    /// <summary><c>--iptables-forward-rules</c>.</summary>
    public bool AcceptsForwarded { get; init; }

    /// <summary>Unless <c>--ip-masq-fully-random-disable</c>.</summary>
    public bool IsFullyRandom { get; init; } = true;

    /// <summary><c>--iptables-resync</c>.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Destinations that see the pods' own addresses, besides the pod network itself. Of both families.
    /// </summary>
    public ImmutableArray<IpPrefix> NotMasqueraded { get; init; } = [];

    /// <summary>The other nodes are such destinations, too.</summary>
    public bool ExcludesNodes { get; init; }
}

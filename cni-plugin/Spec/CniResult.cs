using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Plugin.Spec;

/// <summary>What an ADD made, in the newest version's terms; SPEC.md, "Success".</summary>
internal sealed record CniResult
{
    internal IReadOnlyList<CniInterface> Interfaces { get; init; } = [];

    internal IReadOnlyList<CniIp> Ips { get; init; } = [];

    internal IReadOnlyList<CniRoute> Routes { get; init; } = [];

    internal CniDns Dns { get; init; } = new();
}

/// <summary>An interface that was made.</summary>
/// <param name="Mac">As text, which other plugins may leave empty.</param>
/// <param name="Sandbox">CNI_NETNS as it was given; empty on the host.</param>
internal sealed record CniInterface(string Name, string Mac, string Sandbox)
{
    /// <summary>0: not said.</summary>
    internal int Mtu { get; init; }

    internal string SocketPath { get; init; } = "";

    internal string PciId { get; init; } = "";
}

/// <summary>An address that was given.</summary>
/// <param name="Address">With its prefix length and its host bits.</param>
/// <param name="Gateway">May be none.</param>
/// <param name="Interface">Index in the list of interfaces; null: not said, which is not 0.</param>
internal sealed record CniIp(IpPrefix Address, IpAddr Gateway, int? Interface);

/// <summary>A route in the pod.</summary>
/// <param name="Destination">Host bits as given.</param>
/// <param name="Gateway">May be none: the address's own.</param>
internal sealed record CniRoute(IpPrefix Destination, IpAddr Gateway)
{
    /// <summary>0: the interface's.</summary>
    internal int Mtu { get; init; }

    internal int AdvertisedMss { get; init; }

    internal int Priority { get; init; }

    /// <summary>Null: main.</summary>
    internal int? Table { get; init; }

    /// <summary>Null: not said, which means global.</summary>
    internal RouteScope? Scope { get; init; }
}

/// <summary>Name service of the pod.</summary>
internal sealed record CniDns
{
    internal IReadOnlyList<string> Nameservers { get; init; } = [];

    internal string Domain { get; init; } = "";

    internal IReadOnlyList<string> Search { get; init; } = [];

    internal IReadOnlyList<string> Options { get; init; } = [];

    internal bool IsEmpty => Nameservers.Count + Domain.Length + Search.Count + Options.Count == 0;
}

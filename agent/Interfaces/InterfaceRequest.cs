using System.Collections.Immutable;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Interfaces;

/// <summary>What the external interface must be, by network config and options.</summary>
/// <param name="EnableIPv4">It needs an IPv4 address.</param>
/// <param name="EnableIPv6">It needs an IPv6 address.</param>
internal sealed record InterfaceRequest(bool EnableIPv4, bool EnableIPv6)
{
    /// <summary>Names or addresses; the first that fits is taken.</summary>
    public ImmutableArray<string> Names { get; init; } = [];

    /// <summary>Tried after all of <see cref="Names"/>.</summary>
    public ImmutableArray<string> Regexes { get; init; } = [];

    /// <summary>Tried last; none: not given.</summary>
    public IpAddr CanReach { get; init; }

    /// <summary>None: the interface's address is published.</summary>
    public IpAddr PublicIP { get; init; }

    /// <summary>None: the interface's address is published.</summary>
    public IpAddr PublicIPv6 { get; init; }

    /// <summary>By which the cluster reaches this node; none: not known. Counts where nobody names any.</summary>
    public IpAddr InternalIP { get; init; }

    /// <summary>Its IPv6 twin.</summary>
    public IpAddr InternalIPv6 { get; init; }

    /// <summary>Does it say where to look? Else public address, internal one or default route decide.</summary>
    public bool NamesAny => Names.Length > 0 || Regexes.Length > 0 || !CanReach.IsNone;
}

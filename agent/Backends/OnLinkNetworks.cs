using System.Collections.Immutable;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends;

/// <summary>
/// Which addresses are on the external interface's own link, reached without a router, as the main routing table says
/// at one moment. It keeps no more of the table than what decides that, so that two moments are equal where nothing of
/// it changed. Pure.
/// </summary>
internal sealed class OnLinkNetworks : IEquatable<OnLinkNetworks>
{
    // On-link networks, and within them those that are not; the longest first, so that the first match decides.
    private readonly ImmutableArray<(IpPrefix Prefix, bool IsOnLink)> _networks;
    private readonly ImmutableArray<IpAddr> _own;    // within them, sorted

    private OnLinkNetworks(
        ImmutableArray<(IpPrefix Prefix, bool IsOnLink)> networks, ImmutableArray<IpAddr> own) =>
        (_networks, _own) = (networks, own);

    public static OnLinkNetworks None { get; } = new([], []);

    public bool IsEmpty => _networks.IsEmpty;

    /// <param name="routes">The main table's, in the kernel's order, those to pods' subnets left out.</param>
    /// <param name="linkIndex">Of the external interface.</param>
    /// <param name="own">This node's addresses, which lead nowhere.</param>
    public static OnLinkNetworks Of(IEnumerable<Route> routes, int linkIndex, IEnumerable<IpAddr> own)
    {
        Dictionary<IpPrefix, Route> best = [];
        foreach (Route route in routes)
        {
            // Of equals the kernel takes the first, but an IPv6 network on two links is on ours too.
            if (!best.TryGetValue(route.Destination, out Route there)
                || route.Metric < there.Metric
                || (route.Metric == there.Metric && route.Destination.Is6 && IsOnLink(route, linkIndex)))
            {
                best[route.Destination] = route;
            }
        }

        List<IpPrefix> onLink = [.. best.Values.Where(r => IsOnLink(r, linkIndex)).Select(static r => r.Destination)];
        return new OnLinkNetworks(
            [
                .. best.Values
                    .Where(route => onLink.Exists(network => network.Contains(route.Destination)))
                    .OrderByDescending(static route => route.Destination.Length)
                    .ThenBy(static route => route.Destination)
                    .Select(route => (route.Destination, IsOnLink(route, linkIndex))),
            ],
            [.. own.Where(address => onLink.Exists(network => network.Contains(address))).Distinct().Order()]);
    }

    /// <summary>Those of both; a family is of one of them.</summary>
    public OnLinkNetworks And(OnLinkNetworks other) => new(
        [.. _networks.Concat(other._networks).OrderByDescending(static n => n.Prefix.Length)
            .ThenBy(static network => network.Prefix)],
        [.. _own.Concat(other._own).Order()]);

    /// <summary>One family's alone.</summary>
    public OnLinkNetworks OfFamily(bool is6) => new(
        [.. _networks.Where(network => network.Prefix.Is6 == is6)], [.. _own.Where(address => address.Is6 == is6)]);

    /// <summary>Is there any network of that family on the link?</summary>
    public bool HasFamily(bool is6) => _networks.Any(network => network.Prefix.Is6 == is6);

    /// <summary>Is the address another host's on the link, so that it can be a gateway?</summary>
    public bool Reaches(IpAddr address)
    {
        foreach ((IpPrefix prefix, bool isOnLink) in _networks)
        {
            if (prefix.Contains(address))
            {
                return isOnLink && !IsBroadcast(address, prefix) && !_own.Contains(address);
            }
        }

        return false;
    }

    /// <summary>Could the answers be others now that this route came, changed or went?</summary>
    public bool DependsOn(in Route route, int linkIndex)
    {
        if (route.Table != RouteTable.RT_TABLE_MAIN)
        {
            return false;
        }

        if (IsOnLink(route, linkIndex))
        {
            return true;
        }

        IpPrefix destination = route.Destination;
        foreach ((IpPrefix prefix, _) in _networks)
        {
            if (prefix.Contains(destination))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>For the log: <c>192.0.2.0/24 but for 192.0.2.128/25</c>.</summary>
    public override string ToString()
    {
        string exceptions = Join(isOnLink: false);
        return IsEmpty ? "nothing" : Join(isOnLink: true) + (exceptions.Length > 0 ? $" but for {exceptions}" : "");
    }

    public bool Equals(OnLinkNetworks? other) =>
        other is not null && _networks.SequenceEqual(other._networks) && _own.SequenceEqual(other._own);

    public override bool Equals(object? obj) => Equals(obj as OnLinkNetworks);

    public override int GetHashCode() => _networks.Length;

    /// <summary>Is the destination on that link, as far as this one route says?</summary>
    internal static bool IsOnLink(in Route route, int linkIndex) => route is
    {
        Type: RouteType.RTN_UNICAST,
        Gateway.IsNone: true,
        IsMultipath: false,
    } && route.OutInterface == linkIndex;

    private static bool IsBroadcast(IpAddr address, IpPrefix prefix) =>
        prefix is { Is4: true, Length: < 31 } && (address == prefix.Last || address == prefix.Base);

    private string Join(bool isOnLink) => string.Join(
        ", ", _networks.Where(network => network.IsOnLink == isOnLink).Select(static n => n.Prefix).Order());
}

using System.Diagnostics.CodeAnalysis;
using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// What the admitted peers hold: their subnets, none of which overlaps another, and their tunnel MACs, each behind one
/// address. Two leases with one MAC and one address are one node's, the older left over from a former name or subnet.
/// </summary>
internal sealed class PeerClaims
{
    private readonly SortedSet<Peer> _bySubnet = new(Comparer<Peer>.Create(
        static (left, right) => left.Subnet.Address.CompareTo(right.Subnet.Address)));

    private readonly Dictionary<(bool Is6, MacAddress Mac), List<Peer>> _byMac = [];

    public void Add(Peer peer)
    {
        _bySubnet.Add(peer);
        if (peer.TunnelMac.IsZero)
        {
            return;
        }

        if (_byMac.TryGetValue((peer.Key.Is6, peer.TunnelMac), out List<Peer>? holders))
        {
            holders.Add(peer);
        }
        else
        {
            _byMac.Add((peer.Key.Is6, peer.TunnelMac), [peer]);
        }
    }

    public void Remove(Peer peer)
    {
        _bySubnet.Remove(peer);
        if (!peer.TunnelMac.IsZero
            && _byMac.TryGetValue((peer.Key.Is6, peer.TunnelMac), out List<Peer>? holders)
            && holders.Remove(peer)
            && holders.Count == 0)
        {
            _byMac.Remove((peer.Key.Is6, peer.TunnelMac));
        }
    }

    public void Clear()
    {
        _bySubnet.Clear();
        _byMac.Clear();
    }

    /// <summary>The peer that holds what this one claims too.</summary>
    /// <param name="claim">What it is, in words.</param>
    public bool TryFindHolder(Peer peer, [NotNullWhen(true)] out Peer? holder, [NotNullWhen(true)] out string? claim)
    {
        if (TryFindOverlap(peer, out holder))
        {
            claim = $"subnet {peer.Subnet}";
            return true;
        }

        if (!peer.TunnelMac.IsZero
            && _byMac.TryGetValue((peer.Key.Is6, peer.TunnelMac), out List<Peer>? holders)
            && holders[0].PublicIP != peer.PublicIP)
        {
            (holder, claim) = (holders[0], $"VTEP MAC {peer.TunnelMac}");
            return true;
        }

        claim = null;
        return false;
    }

    /// <summary>
    /// As the held ranges are disjoint, one look is enough: at the last that begins before this one's end.
    /// </summary>
    private bool TryFindOverlap(Peer peer, [NotNullWhen(true)] out Peer? holder)
    {
        IpAddr first = peer.Subnet.Is6 ? IpAddr.Any6 : IpAddr.Any4;
        holder = _bySubnet.GetViewBetween(Beginning(peer, first), Beginning(peer, peer.Subnet.Last)).Max;
        if (holder is not null && holder.Subnet.Overlaps(peer.Subnet))
        {
            return true;
        }

        holder = null;
        return false;
    }

    private static Peer Beginning(Peer peer, IpAddr address) => peer with { Subnet = IpPrefix.Host(address) };
}

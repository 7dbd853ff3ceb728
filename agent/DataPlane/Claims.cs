using System.Diagnostics.CodeAnalysis;
using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.DataPlane;

/// <summary>What the admitted peers hold alone: their subnets, none of which overlaps another, and their tunnel MACs.</summary>
internal sealed class Claims
{
    private readonly Dictionary<IpPrefix, Peer> _bySubnet = [];
    private readonly Dictionary<(bool Is6, MacAddress Mac), Peer> _byMac = [];
    private readonly Dictionary<(bool Is6, int Length), int> _lengths = [];

    public void Add(Peer peer)
    {
        _bySubnet.Add(peer.Subnet, peer);
        (bool Is6, int Length) length = (peer.Key.Is6, peer.Subnet.Length);
        _lengths[length] = _lengths.GetValueOrDefault(length) + 1;
        if (!peer.TunnelMac.IsZero)
        {
            _byMac.Add((peer.Key.Is6, peer.TunnelMac), peer);
        }
    }

    public void Remove(Peer peer)
    {
        _bySubnet.Remove(peer.Subnet);
        (bool Is6, int Length) length = (peer.Key.Is6, peer.Subnet.Length);
        if (--_lengths[length] == 0)
        {
            _lengths.Remove(length);
        }

        if (!peer.TunnelMac.IsZero)
        {
            _byMac.Remove((peer.Key.Is6, peer.TunnelMac));
        }
    }

    public void Clear()
    {
        _bySubnet.Clear();
        _byMac.Clear();
        _lengths.Clear();
    }

    /// <summary>The peer that holds what this one claims too.</summary>
    /// <param name="claim">What it is, in words.</param>
    public bool TryFindHolder(Peer peer, [NotNullWhen(true)] out Peer? holder, [NotNullWhen(true)] out string? claim)
    {
        if (TryFindOverlap(peer.Subnet, out holder))
        {
            claim = $"subnet {peer.Subnet}";
            return true;
        }

        if (!peer.TunnelMac.IsZero && _byMac.TryGetValue((peer.Key.Is6, peer.TunnelMac), out holder))
        {
            claim = $"VTEP MAC {peer.TunnelMac}";
            return true;
        }

        claim = null;
        return false;
    }

    // A cluster's subnets have one length, or few: each length in use is one look-up.
    private bool TryFindOverlap(IpPrefix subnet, [NotNullWhen(true)] out Peer? holder)
    {
        foreach ((bool is6, int length) in _lengths.Keys)
        {
            if (is6 != subnet.Is6)
            {
                continue;
            }

            if (length > subnet.Length)
            {
                holder = _bySubnet.Values.FirstOrDefault(p => subnet.Contains(p.Subnet));
                if (holder is not null)
                {
                    return true;
                }
            }
            else if (_bySubnet.TryGetValue(new IpPrefix(subnet.Address, length).Masked, out holder))
            {
                return true;
            }
        }

        holder = null;
        return false;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// What the admitted peers hold: their subnets, none of which overlaps another, and their tunnel MACs, each behind one
/// address. Two leases with one MAC and one address are one node's, the older left over from a former name or subnet.
/// </summary>
internal sealed class PeerClaims
{
    private const int MaxBitsToStep = 20;

    private readonly Dictionary<IpPrefix, Peer> _bySubnet = [];
    private readonly Dictionary<(bool Is6, int Length), int> _lengths = [];    // how many subnets have it
    private readonly Dictionary<(bool Is6, MacAddress Mac), List<Peer>> _byMac = [];

    public void Add(Peer peer)
    {
        _bySubnet.Add(peer.Subnet, peer);
        CollectionsMarshal.GetValueRefOrAddDefault(_lengths, LengthOf(peer), out _)++;
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
        _bySubnet.Remove(peer.Subnet);
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_lengths, LengthOf(peer), out _);
        if (--count <= 0)
        {
            _lengths.Remove(LengthOf(peer));
        }

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
        _lengths.Clear();
        _byMac.Clear();
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

    private static (bool Is6, int Length) LengthOf(Peer peer) => (peer.Subnet.Is6, peer.Subnet.Length);

    private bool TryFindOverlap(IpPrefix subnet, [NotNullWhen(true)] out Peer? holder)
    {
        // Clusters have subnets of one length, or of a few.
        foreach ((bool is6, int length) in _lengths.Keys)
        {
            if (is6 == subnet.Is6 && TryFindOverlap(subnet, length, out holder))
            {
                return true;
            }
        }

        holder = null;
        return false;
    }

    private bool TryFindOverlap(IpPrefix subnet, int length, [NotNullWhen(true)] out Peer? holder)
    {
        if (length <= subnet.Length)
        {
            return _bySubnet.TryGetValue(new IpPrefix(subnet.Address, length).Masked, out holder);
        }

        // It is wider than those: look for each of them inside it, or at all there are, whichever is less.
        int bits = length - subnet.Length;
        if (bits > MaxBitsToStep || 1 << bits > _bySubnet.Count)
        {
            holder = _bySubnet.Values.FirstOrDefault(peer => subnet.Contains(peer.Subnet));
            return holder is not null;
        }

        UInt128 step = UInt128.One << (subnet.Address.BitLength - length);
        for (int i = 0; i < 1 << bits; i++)
        {
            if (_bySubnet.TryGetValue(new IpPrefix(subnet.Base.Add(step * (UInt128)i), length), out holder))
            {
                return true;
            }
        }

        holder = null;
        return false;
    }
}

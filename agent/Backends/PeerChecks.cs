using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>What every backend asks of a peer's lease, because another node wrote it.</summary>
internal static class PeerChecks
{
    /// <returns>In words why the peer is refused; null: it is fine.</returns>
    internal static string? WhyNot(Peer peer, IpPrefix network, IpPrefix own, Underlay underlay)
    {
        (IpPrefix subnet, IpAddr address) = (peer.Subnet, peer.PublicIP);
        if (!subnet.IsMasked)
        {
            return $"subnet {subnet} has host bits";
        }

        if (!network.Contains(subnet) || subnet.Length == network.Length)
        {
            return $"subnet {subnet} is not inside the network {network}";
        }

        if (!own.IsNone && subnet.Overlaps(own))
        {
            return $"subnet {subnet} overlaps ours, {own}";
        }

        if (address.BitLength != subnet.Address.BitLength || !(address.IsGlobalUnicast || address.IsLinkLocal))
        {
            return $"public IP \"{address}\" is not one a node can have";
        }

        if (address == underlay.PublicIP || address == underlay.PublicIPv6
            || address == underlay.Address || address == underlay.AddressV6)
        {
            return $"public IP {address} is our own";
        }

        return network.Contains(address) ? $"public IP {address} is inside the pod network {network}" : null;
    }
}

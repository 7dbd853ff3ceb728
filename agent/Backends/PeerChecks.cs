using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>What every backend asks of a peer's lease, because another node wrote it.</summary>
internal static class PeerChecks
{
    /// <returns>In words what the peer's backend is, if it is not this one; null: it is.</returns>
    internal static string? WhyOtherBackend(LeaseAttributes attributes, string type) => attributes.BackendType == type
        ? null
        : $"its backend is \"{LogText.Of(attributes.BackendType)}\", ours is {type}";

    /// <returns>In words why the peer is refused; null: it is fine.</returns>
    internal static string? WhyNot(Peer peer, PlanInput input)
    {
        (IpPrefix subnet, IpAddr address, Underlay underlay) = (peer.Subnet, peer.PublicIP, input.Underlay);
        (IpPrefix network, IpPrefix own) = (input.NetworkOf(peer.Key.Is6), input.OwnSubnet(peer.Key.Is6));
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

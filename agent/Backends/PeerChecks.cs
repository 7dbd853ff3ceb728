using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>What every backend asks of a peer's lease, because another node wrote it.</summary>
internal static class PeerChecks
{
    /// <returns>What the peer's backend is, if it is not this one; null: it is.</returns>
    internal static Refusal? WhyOtherBackend(LeaseAttributes attributes, string type) =>
        attributes.BackendType == type ? null : new Refusal(
            RefusalReason.Backend, $"its backend is \"{LogText.Of(attributes.BackendType)}\", ours is {type}");

    /// <returns>Why the peer is refused; null: it is fine.</returns>
    internal static Refusal? WhyNot(Peer peer, PlanInput input) =>
        WhyNotSubnet(peer, input) is { } subnet ? new Refusal(RefusalReason.Subnet, subnet)
        : WhyNotAddress(peer, input) is { } address ? new Refusal(RefusalReason.PublicIP, address)
        : null;

    private static string? WhyNotSubnet(Peer peer, PlanInput input)
    {
        IpPrefix subnet = peer.Subnet;
        (IpPrefix network, IpPrefix own) = (input.NetworkOf(peer.Key.Is6), input.OwnSubnet(peer.Key.Is6));
        if (!subnet.IsMasked)
        {
            return $"subnet {subnet} has host bits";
        }

        if (!network.Contains(subnet) || subnet.Length == network.Length)
        {
            return $"subnet {subnet} is not inside the network {network}";
        }

        return !own.IsNone && subnet.Overlaps(own) ? $"subnet {subnet} overlaps ours, {own}" : null;
    }

    private static string? WhyNotAddress(Peer peer, PlanInput input)
    {
        (IpPrefix subnet, IpAddr address, Underlay underlay) = (peer.Subnet, peer.PublicIP, input.Underlay);
        IpPrefix network = input.NetworkOf(peer.Key.Is6);
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

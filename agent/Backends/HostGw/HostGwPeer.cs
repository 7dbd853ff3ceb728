using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends.HostGw;

/// <summary>Reads a lease as a host-gw peer; another node wrote it.</summary>
internal static class HostGwPeer
{
    internal static PeerReading Read(Lease lease, bool is6, PlanInput input)
    {
        IpPrefix subnet = lease.SubnetOf(is6);
        if (input.NetworkOf(is6).IsNone || subnet.IsNone)
        {
            return PeerReading.None;
        }

        LeaseAttributes attributes = lease.Attributes;
        IpAddr publicIP = is6 ? attributes.PublicIPv6 : attributes.PublicIP;
        Peer peer = new(new PeerKey(lease.Key, is6), lease.Seniority, subnet, publicIP, TunnelMac: default);
        Refusal? reason = PeerChecks.WhyOtherBackend(attributes, HostGwBackend.TypeName)
            ?? PeerChecks.WhyNot(peer, input)
            ?? WhyNotOnLink(publicIP, input);
        return reason is { } why ? PeerReading.Refused(why) : PeerReading.Of(peer);
    }

    // The kernel would refuse the route; that there is a router in between is worth saying in words.
    private static Refusal? WhyNotOnLink(IpAddr publicIP, PlanInput input) => input.State.OnLink.Reaches(publicIP)
        ? null
        : new Refusal(
            RefusalReason.PublicIP,
            $"public IP {publicIP} is not on the link of {input.Underlay.Name}, "
                + "which host-gw needs and vxlan does not");
}

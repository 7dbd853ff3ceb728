using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>
/// Reads a lease as a vxlan peer. Another node wrote it: whatever could lead traffic beyond that node's own subnet, or
/// confuse our devices, is refused here.
/// </summary>
internal static class VxlanPeer
{
    internal static PeerReading Read(Lease lease, bool is6, PlanInput input, uint vni)
    {
        IpPrefix subnet = lease.SubnetOf(is6);
        if (input.NetworkOf(is6).IsNone || subnet.IsNone || input.State.Facts(is6) is not { } device)
        {
            return PeerReading.None;
        }

        LeaseAttributes attributes = lease.Attributes;
        if (PeerChecks.WhyOtherBackend(attributes, VxlanBackend.TypeName) is { } other)
        {
            return PeerReading.Refused(other);
        }

        string? data = is6 ? attributes.BackendV6Data : attributes.BackendData;
        if (!VtepData.TryRead(data, out VtepData vtep, out string? reason))
        {
            return PeerReading.Refused(new Refusal(RefusalReason.BackendData, reason));
        }

        IpAddr publicIP = is6 ? attributes.PublicIPv6 : attributes.PublicIP;
        Peer peer = new(new PeerKey(lease.Key, is6), lease.Seniority, subnet, publicIP, vtep.Mac);
        return (PeerChecks.WhyNot(peer, input) ?? WhyNotVtep(vtep, vni, device)) is { } why
            ? PeerReading.Refused(why)
            : PeerReading.Of(peer);
    }

    private static Refusal? WhyNotVtep(VtepData vtep, uint vni, DeviceFacts device) =>
        vtep.Vni != 0 && vtep.Vni != unchecked((ushort)vni)
            ? new Refusal(RefusalReason.BackendData, $"its VNI is {vtep.Vni}, ours is {vni}")
        : vtep.Mac == device.Mac
            ? new Refusal(RefusalReason.BackendData, $"its VTEP MAC {vtep.Mac} is our own")
        : null;
}

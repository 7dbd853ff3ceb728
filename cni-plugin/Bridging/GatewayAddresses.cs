using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The pods' gateways as addresses of the bridge, or of its VLAN's device.</summary>
/// <param name="socket">Opened on the host.</param>
internal sealed class GatewayAddresses(RtnlSocket socket, BridgeConf conf)
{
    /// <returns>False: the device had it.</returns>
    /// <exception cref="CniException">Internal: it has another one.</exception>
    internal bool Ensure(IpPrefix gateway, int index)
    {
        List<LinkAddress> conflicting = ListConflicting(index, gateway, out bool isPresent);
        if (isPresent)
        {
            return false;
        }

        foreach (LinkAddress other in conflicting)
        {
            if (!conf.ForceAddress)
            {
                throw Taken(gateway);
            }

            _ = socket.DeleteAddressIfPresent(index, other.Prefix);
        }

        Add(index, gateway);
        return true;
    }

    /// <summary>Would <see cref="Ensure"/> succeed? Reads only.</summary>
    /// <exception cref="CniException">As its.</exception>
    internal void RequirePossible(IpPrefix gateway, int index)
    {
        if (!conf.ForceAddress && ListConflicting(index, gateway, out _).Count > 0)
        {
            throw Taken(gateway);
        }
    }

    /// <summary>Addresses that cannot be beside the gateway's; none where that is there already.</summary>
    private List<LinkAddress> ListConflicting(int index, IpPrefix gateway, out bool isPresent)
    {
        isPresent = false;
        List<LinkAddress> conflicting = [];
        foreach (LinkAddress address in socket.ListAddresses(gateway.Is6, index))
        {
            isPresent |= address.Prefix == gateway;

            // Several disjoint IPv6 addresses are usual; a second IPv4 one is a former subnet's.
            if (gateway.Is4 || address.Prefix.Overlaps(gateway))
            {
                conflicting.Add(address);
            }
        }

        return isPresent ? [] : conflicting;
    }

    private void Add(int index, IpPrefix gateway)
    {
        try
        {
            socket.AddAddress(new LinkAddress(index, gateway)
            {
                Broadcast = gateway.Is4 && gateway.Length <= 30 ? gateway.Last : default,

                // Duplicate detection would hold the first pod's gateway back for two seconds.
                Flags = gateway.Is6 ? AddressFlags.IFA_F_NODAD : AddressFlags.None,
            });
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
        {
            // Another ADD was faster.
        }
    }

    private CniException Taken(IpPrefix gateway)
    {
        string what = conf.Vlans.Access == 0 ? "bridge addr" : "vlan interface for bridge with addr";
        return new CniException(
            CniErrorCode.Internal,
            $"failed to set {what}: \"{conf.GatewayDevice}\" already has an IP address different from {gateway}");
    }
}

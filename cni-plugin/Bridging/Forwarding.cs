// A host that forwards IPv6 is a router, and a router believes no other router's advertisements: as forwarding is
// switched on, the kernel drops the default routes that it learnt from them, and with them the node's uplink. An
// interface whose accept_ra is 2 goes on believing.

using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Packet forwarding of the host, which must be on for pods to reach anything but each other.</summary>
/// <param name="socket">Opened on the host, where the calling thread is too.</param>
internal sealed class Forwarding(RtnlSocket socket)
{
    private const string Switch4 = "net/ipv4/ip_forward";
    private const string Switch6 = "net/ipv6/conf/all/forwarding";

    /// <summary>Switches it on for a family, if it is not on yet.</summary>
    /// <exception cref="CniException">Internal: it cannot be.</exception>
    internal void Enable(bool is6)
    {
        try
        {
            string name = is6 ? Switch6 : Switch4;
            if (Sysctl.Read(name) == "1")
            {
                return;
            }

            if (is6)
            {
                KeepAdvertisements();
            }

            Sysctl.Write(name, "1");
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to enable forwarding: {e.Message}");
        }
    }

    /// <summary>Of those interfaces that have a route or an address from them.</summary>
    private void KeepAdvertisements()
    {
        HashSet<int> indexes = [];
        foreach (Route route in socket.ListRoutes(
            new RouteFilter(Is6: true) { Table = 0, Protocol = RouteProtocol.RTPROT_RA }))
        {
            _ = indexes.Add(route.OutInterface);
        }

        foreach (LinkAddress address in socket.ListAddresses(is6: true))
        {
            if ((address.Flags & AddressFlags.IFA_F_PERMANENT) == 0)
            {
                _ = indexes.Add(address.LinkIndex);
            }
        }

        foreach (int index in indexes)
        {
            string? name = index == 0 ? null : socket.FindLink(index)?.Name;
            if (name is not null && OptionalSysctl.Find($"net/ipv6/conf/{name}/accept_ra") == "1")
            {
                Sysctl.Write($"net/ipv6/conf/{name}/accept_ra", "2");
            }
        }
    }
}

using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The pod's end of the pair, from the host's side.</summary>
/// <param name="socket">Opened in the pod.</param>
internal sealed class PodInterface(RtnlSocket socket, Link link, bool detectsDuplicates)
{
    private static readonly TimeSpan s_settleTimeout = TimeSpan.FromSeconds(5);

    internal MacAddress Mac => link.Mac;

    /// <summary>To be called inside the pod, before the addresses.</summary>
    internal void SetSysctls()
    {
        // Duplicate detection holds an address back for a second or more, the link-local one too.
        if (detectsDuplicates)
        {
            OptionalSysctl.Write($"net/ipv6/conf/{link.Name}/enhanced_dad", "1");
        }

        OptionalSysctl.Write($"net/ipv6/conf/{link.Name}/accept_dad", detectsDuplicates ? "1" : "0");

        // Neighbours that remember the address's last owner are told of the new one as the link goes up.
        OptionalSysctl.Write($"net/ipv4/conf/{link.Name}/arp_notify", "1");
    }

    /// <summary>To be called inside the pod, before IPv6 addresses.</summary>
    internal void EnableIPv6()
    {
        foreach (string name in (string[])["lo", link.Name])
        {
            if (OptionalSysctl.Find($"net/ipv6/conf/{name}/disable_ipv6") is not (null or "0"))
            {
                Sysctl.Write($"net/ipv6/conf/{name}/disable_ipv6", "0");
            }
        }

        Sysctl.Write($"net/ipv6/conf/{link.Name}/keep_addr_on_down", "1");
    }

    /// <summary>Addresses, then up (the order that arp_notify wants), then routes.</summary>
    /// <param name="plan">Null: only up.</param>
    /// <exception cref="CniException">Internal: the kernel refused an address or a route.</exception>
    internal void Configure(BridgePlan? plan)
    {
        foreach (CniIp ip in plan?.Ips ?? [])
        {
            AddAddress(ip.Address);
        }

        socket.SetUp(link.Index);
        foreach (Route route in plan?.PodRoutes ?? [])
        {
            AddRoute(route with { OutInterface = link.Index });
        }
    }

    /// <summary>Until none is tentative any more, and neighbours who ask for them are heard.</summary>
    /// <exception cref="CniException">Internal: another node has an address, or it takes too long.</exception>
    internal void WaitForAddresses()
    {
        ShortPolling polling = new(s_settleTimeout);
        while (true)
        {
            AddressFlags all = AddressFlags.None;
            List<IpAddr> addresses = [];
            foreach (LinkAddress address in socket.ListAddresses(is6: true, link.Index))
            {
                all |= address.Flags;
                addresses.Add(address.Prefix.Address);
            }

            if ((all & AddressFlags.IFA_F_DADFAILED) != 0)
            {
                throw new CniException(
                    CniErrorCode.Internal, $"IPv6 duplicate address detected on \"{link.Name}\"");
            }

            if ((all & AddressFlags.IFA_F_TENTATIVE) == 0)
            {
                SolicitedNodes.WaitFor(socket, link.Index, addresses);
                return;
            }

            if (!polling.Wait())
            {
                throw new CniException(
                    CniErrorCode.Internal,
                    $"link {link.Name} still has tentative addresses after {s_settleTimeout.TotalSeconds} seconds");
            }
        }
    }

    private void AddAddress(IpPrefix address)
    {
        bool hasBroadcast = address.Is4 && address.Length <= 30;
        try
        {
            socket.AddAddress(new LinkAddress(link.Index, address)
            {
                Broadcast = hasBroadcast ? address.Last : default,
                Flags = address.Is6 && !detectsDuplicates ? AddressFlags.IFA_F_NODAD : AddressFlags.None,
            });
        }
        catch (NetlinkException e)
        {
            throw new CniException(
                CniErrorCode.Internal, $"failed to add IP addr {address} to \"{link.Name}\": {e.Message}");
        }
    }

    /// <summary>
    /// Beside others to the same destination, as upstream does. One that is there already is as good: a default route
    /// of the user's and the one of isDefaultGateway, or a route of the user's to the cluster's network.
    /// </summary>
    private void AddRoute(in Route route)
    {
        try
        {
            socket.PrependRoute(route);
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
        {
            // It is there.
        }
        catch (NetlinkException e)
        {
            throw new CniException(
                CniErrorCode.Internal,
                $"failed to add route '{route.Destination} via {route.Gateway} dev {link.Name}': {e.Message}");
        }
    }
}

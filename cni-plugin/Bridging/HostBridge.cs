using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>
/// The node's bridge, which all pods share and no command owns: several may make it and give it its address at the same
/// time, and each finds it done.
/// </summary>
/// <param name="socket">Opened on the host.</param>
internal sealed class HostBridge(RtnlSocket socket, BridgeConf conf)
{
    private Link? _found;
    private bool _hasPinnedMac;

    internal int Index => Found.Index;

    private Link Found => _found ?? throw new InvalidOperationException("the bridge was not looked for");

    /// <summary>Makes it if there is none, and sees to it that it is up.</summary>
    /// <exception cref="CniException">Internal: something else has its name, or the kernel refused.</exception>
    internal void Ensure()
    {
        try
        {
            _found = socket.FindLink(conf.Bridge) ?? Add();
            RequireBridge(Found);
            if (conf.PromiscMode)
            {
                socket.SetPromiscuous(Index);
            }

            if (Found.Mac.IsZero)
            {
                // One that somebody else made, after its last port has left.
                MacAddress mac = RandomLink.Mac();
                socket.SetMac(Index, mac);
                _found = Found with { Mac = mac };
                _hasPinnedMac = true;
            }

            if (!Found.IsUp)
            {
                socket.SetUp(Index);
            }
        }
        catch (NetlinkException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>The pods' gateways become its addresses, and the host forwards.</summary>
    /// <exception cref="CniException">Internal: it has another one.</exception>
    internal void EnsureGateways(IReadOnlyList<IpPrefix> gateways)
    {
        bool has4 = false;
        bool has6 = false;
        foreach (IpPrefix gateway in gateways)
        {
            EnsureAddress(gateway);
            has4 |= gateway.Is4;
            has6 |= gateway.Is6;
        }

        if (has4)
        {
            EnsureForwarding("net/ipv4/ip_forward", static () => { });
        }

        if (has6)
        {
            EnsureForwarding("net/ipv6/conf/all/forwarding", KeepAdvertisedRoutes);
        }
    }

    /// <summary>Would <see cref="Ensure"/> and <see cref="EnsureGateways"/> succeed? Reads only.</summary>
    /// <exception cref="CniException">As theirs.</exception>
    internal void RequireUsable(IReadOnlyList<IpPrefix> gateways)
    {
        if (socket.FindLink(conf.Bridge) is not Link present)
        {
            return;
        }

        RequireBridge(present);
        foreach (IpPrefix gateway in gateways)
        {
            if (!conf.ForceAddress && ListConflicting(present.Index, gateway, out _).Count > 0)
            {
                throw AddressTaken(gateway);
            }
        }
    }

    /// <summary>As it is now: an unpinned one changes with the ports.</summary>
    internal MacAddress GetMac() => _hasPinnedMac ? Found.Mac : socket.FindLink(Index)?.Mac ?? Found.Mac;

    private void RequireBridge(Link link)
    {
        if (!link.IsBridge)
        {
            throw Refused($"\"{conf.Bridge}\" already exists but is not a bridge");
        }
    }

    private Link Add()
    {
        MacAddress mac = RandomLink.Mac();
        try
        {
            // With an address from the start it never takes over that of a port, which a neighbour would have to learn
            // anew each time.
            socket.AddBridge(conf.Bridge, mac, conf.Mtu);
            _hasPinnedMac = true;
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
        {
            // Another ADD was faster.
        }

        OptionalSysctl.Write($"net/ipv6/conf/{conf.Bridge}/accept_ra", "0");
        return socket.FindLink(conf.Bridge) ?? throw Refused($"\"{conf.Bridge}\" has vanished");
    }

    private void EnsureAddress(IpPrefix gateway)
    {
        List<LinkAddress> conflicting = ListConflicting(Index, gateway, out bool isPresent);
        if (isPresent)
        {
            return;
        }

        foreach (LinkAddress other in conflicting)
        {
            if (!conf.ForceAddress)
            {
                throw AddressTaken(gateway);
            }

            _ = socket.DeleteAddressIfPresent(Index, other.Prefix);
        }

        AddAddress(gateway);
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

    private CniException AddressTaken(IpPrefix gateway) => new(
        CniErrorCode.Internal,
        $"failed to set bridge addr: \"{conf.Bridge}\" already has an IP address different from {gateway}");

    private void AddAddress(IpPrefix gateway)
    {
        try
        {
            socket.AddAddress(new LinkAddress(Index, gateway)
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

        if (!_hasPinnedMac)
        {
            // One that somebody else made follows its ports until its address is set, if only to what it is.
            socket.SetMac(Index, Found.Mac);
            _hasPinnedMac = true;
        }
    }

    private static void EnsureForwarding(string sysctl, Action before)
    {
        try
        {
            if (Sysctl.Read(sysctl) != "1")
            {
                before();
                Sysctl.Write(sysctl, "1");
            }
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to enable forwarding: {e.Message}");
        }
    }

    /// <summary>
    /// A host that forwards is a router, which by custom (accept_ra 1) no longer listens to others, and the kernel
    /// takes the routes away that it has from them: an uplink that lives on them would be cut off.
    /// </summary>
    private void KeepAdvertisedRoutes()
    {
        foreach (Route route in socket.ListRoutes(new RouteFilter(Is6: true) { Protocol = RouteProtocol.RTPROT_RA }))
        {
            string? name = socket.FindLink(route.OutInterface)?.Name;
            if (name is not null && OptionalSysctl.Find($"net/ipv6/conf/{name}/accept_ra") == "1")
            {
                OptionalSysctl.Write($"net/ipv6/conf/{name}/accept_ra", "2");
            }
        }
    }

    private CniException Refused(string because) =>
        new(CniErrorCode.Internal, $"failed to create bridge \"{conf.Bridge}\": {because}");
}

using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
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
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);    // then pods ask again

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
            if (conf.Vlans.IsFiltering && !Found.FiltersVlans)
            {
                StandardError.Say(
                    $"bridge {conf.Bridge} was made without VLAN filtering: all its ports are in one VLAN");
            }

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

    /// <summary>The pods' gateways become addresses of it or of its VLAN's device, and the host forwards.</summary>
    /// <param name="host">The host's namespace.</param>
    /// <returns>The VLAN's device, if there is one.</returns>
    /// <exception cref="CniException">Internal: it has another one.</exception>
    internal Link? EnsureGateways(IReadOnlyList<IpPrefix> gateways, NetNamespace host)
    {
        if (gateways.Count == 0)
        {
            return null;
        }

        Link? vlan = conf.Vlans.Access == 0 ? null : new VlanGateway(socket, host, conf).Ensure(Found);
        GatewayAddresses addresses = new(socket, conf);
        Forwarding forwarding = new(socket);
        foreach (IpPrefix gateway in gateways)
        {
            if (addresses.Ensure(gateway, vlan?.Index ?? Index) && vlan is null)
            {
                PinMac();
            }

            forwarding.Enable(gateway.Is6);
        }

        return vlan;
    }

    /// <summary>
    /// Until pods are heard that ask for their gateways, and answered. With its first port the bridge comes up, but the
    /// kernel's link watch gives it a queue only then, and before that drops what it sends.
    /// </summary>
    /// <param name="vlan">Has the addresses; null: this bridge.</param>
    internal void WaitForGateways(IReadOnlyList<IpPrefix> gateways, Link? vlan)
    {
        int index = vlan?.Index ?? Index;
        ShortPolling polling = new(s_patience);
        while (socket.FindLink(index) is { OperState: not OperState.IF_OPER_UP } && polling.Wait())
        {
        }

        List<IpAddr> addresses = [];
        foreach (IpPrefix gateway in gateways)
        {
            addresses.Add(gateway.Address);
        }

        SolicitedNodes.WaitFor(socket, index, addresses);
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
        if ((conf.Vlans.Access == 0 ? present : socket.FindLink(conf.GatewayDevice)) is Link device)
        {
            GatewayAddresses addresses = new(socket, conf);
            foreach (IpPrefix gateway in gateways)
            {
                addresses.RequirePossible(gateway, device.Index);
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
            socket.AddBridge(conf.Bridge, mac, conf.Mtu, conf.Vlans.IsFiltering);
            _hasPinnedMac = true;
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
        {
            // Another ADD was faster.
        }

        OptionalSysctl.Write($"net/ipv6/conf/{conf.Bridge}/accept_ra", "0");
        return socket.FindLink(conf.Bridge) ?? throw Refused($"\"{conf.Bridge}\" has vanished");
    }

    /// <summary>One that somebody else made follows its ports until its MAC is set, if only to what it is.</summary>
    private void PinMac()
    {
        if (!_hasPinnedMac)
        {
            socket.SetMac(Index, Found.Mac);
            _hasPinnedMac = true;
        }
    }

    private CniException Refused(string because) =>
        new(CniErrorCode.Internal, $"failed to create bridge \"{conf.Bridge}\": {because}");
}

// The kernel lets MAC, MTU, learning, source address and lower device of a VXLAN device be changed in place; VNI, port,
// GBP, group and the miss notifications not. Deleting a device takes its neighbours, FDB and routes with it, so that it
// is the last resort.

using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>Keeps one VXLAN device as it must be: <c>flannel.VNI</c>, or <c>flannel-v6.VNI</c> over IPv6.</summary>
internal sealed class VxlanDevice(RtnlSocket rtnl, VxlanMacFile macFile, VxlanConfig config, bool is6)
{
    // Outer IP, UDP and VXLAN headers and the inner Ethernet header.
    private const uint Overhead4 = 20 + 8 + 8 + 14;
    private const uint Overhead6 = 40 + 8 + 8 + 14;

    private bool _wasSeen;    // by an earlier look: what is wrong now, somebody else did

    public string Name { get; } = $"{(is6 ? "flannel-v6" : "flannel")}.{config.Vni}";

    /// <summary>Of packets inside the tunnel.</summary>
    public uint Mtu(Underlay underlay) =>
        (config.Mtu != 0 ? config.Mtu : underlay.Mtu) - (is6 ? Overhead6 : Overhead4);

    /// <summary>Makes, adopts or repairs it.</summary>
    /// <param name="own">Null: without an address.</param>
    /// <param name="repairs">Gets a line for each thing that was right at an earlier look and is not now.</param>
    public DeviceFacts Ensure(Underlay underlay, Lease? own, List<string> repairs)
    {
        Link? link = rtnl.FindLink(Name);
        if (link is not null && WhyIncompatible(link) is { } reason)
        {
            rtnl.DeleteLink(link.Index);
            repairs.Add($"{Name} {reason} and was deleted");
            link = null;
        }

        VxlanSpec spec = SpecFor(underlay, macFile.Get(Name, adopted: link?.Mac));
        if (link is null)
        {
            Add(spec);
            Note(repairs, $"{Name} was gone and is made again");
            link = rtnl.GetLink(Name);
        }
        else
        {
            Repair(link, spec, repairs);
        }

        EnsureAddress(link.Index, own, repairs);
        if (!link.IsUp)
        {
            rtnl.SetUp(link.Index);
            if (own is not null)
            {
                Note(repairs, $"{Name} was down");
            }
        }

        _wasSeen |= own is not null;
        return new DeviceFacts(is6, Name, link.Index, spec.Mac);
    }

    private VxlanSpec SpecFor(Underlay underlay, MacAddress mac) => new(
        Name,
        config.Vni,
        config.Port,
        is6 ? underlay.AddressV6 : underlay.Address,
        underlay.Index,
        Mtu(underlay),
        mac)
    {
        Learning = config.Learning,
        Gbp = config.Gbp,
    };

    /// <returns>In words what no change in place can mend; null: nothing.</returns>
    private string? WhyIncompatible(Link link)
    {
        return link.Vxlan is not { } vxlan ? $"was a {link.Kind ?? "hardware"} device"
            : vxlan.Vni != config.Vni ? $"had VNI {vxlan.Vni}"
            : config.Port != 0 && vxlan.Port != config.Port ? $"had port {vxlan.Port}"
            : vxlan.Gbp != config.Gbp ? $"had GBP {(vxlan.Gbp ? "on" : "off")}"
            : !vxlan.Group.IsNone ? $"had the group {vxlan.Group}"
            : vxlan.L2Miss || vxlan.L3Miss ? "reported misses"
            : !vxlan.Local.IsNone && vxlan.Local.Is6 != is6 ? $"had the source {vxlan.Local}"
            : null;
    }

    private void Add(VxlanSpec spec)
    {
        try
        {
            rtnl.AddVxlan(spec);
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST && FindRival() is { } rival)
        {
            throw new LinuxException(
                $"add vxlan link {Name}: the device {rival.Name} has VNI {config.Vni} and the same port already; "
                + "delete it, or set another VNI or Port in net-conf.json",
                Errno.EEXIST);
        }
    }

    private Link? FindRival() => rtnl.ListLinks("vxlan").Find(
        link => link.Vxlan is { } vxlan && vxlan.Vni == config.Vni && link.Name != Name);

    private void Repair(Link link, VxlanSpec spec, List<string> repairs)
    {
        VxlanData vxlan = link.Vxlan!;    // compatible, so it is one
        if (vxlan.Local != spec.Local || vxlan.ParentIndex != spec.ParentIndex || vxlan.Learning != spec.Learning)
        {
            rtnl.ChangeVxlan(link.Index, spec);
            Note(repairs, $"{Name} had source {vxlan.Local}, lower device {vxlan.ParentIndex}");
        }

        if (link.Mac != spec.Mac)
        {
            rtnl.SetMac(link.Index, spec.Mac);
            Note(repairs, $"{Name} had MAC {link.Mac}");
        }

        if (link.Mtu != spec.Mtu)
        {
            rtnl.SetMtu(link.Index, spec.Mtu);
            Note(repairs, $"{Name} had MTU {link.Mtu}");
        }
    }

    /// <summary>The subnet's base as a host address; other addresses inside the network are an earlier lease's.</summary>
    private void EnsureAddress(int index, Lease? own, List<string> repairs)
    {
        IpPrefix subnet = own is null ? default : is6 ? own.IPv6Subnet : own.Subnet;
        if (subnet.IsNone)
        {
            return;
        }

        IpPrefix wanted = IpPrefix.Host(subnet.Base);
        bool isThere = false;
        foreach (LinkAddress address in rtnl.ListAddresses(is6, index))
        {
            isThere |= address.Prefix == wanted;
            if (address.Prefix != wanted && !address.Prefix.Address.IsLinkLocal)
            {
                rtnl.DeleteAddressIfPresent(index, address.Prefix);
                Note(repairs, $"{Name} had the address {address.Prefix}");
            }
        }

        if (!isThere)
        {
            rtnl.AddAddress(new LinkAddress(index, wanted) { Flags = is6 ? AddressFlags.IFA_F_NODAD : default });
            Note(repairs, $"{Name} had lost its address {wanted}");
        }
    }

    private void Note(List<string> repairs, string what)
    {
        if (_wasSeen)
        {
            repairs.Add(what);
        }
    }
}

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
/// <param name="network">All pods', whose family the device carries.</param>
/// <param name="published">The MAC that peers may know this node's device by; null: none.</param>
internal sealed class VxlanDevice(
    RtnlSocket rtnl, VxlanMacFile macFile, VxlanConfig config, IpPrefix network, MacAddress? published = null)
{
    // Outer IP, UDP and VXLAN headers and the inner Ethernet header.
    private const uint Overhead4 = 20 + 8 + 8 + 14;
    private const uint Overhead6 = 40 + 8 + 8 + 14;

    private const uint MinMtu = 68;    // of IPv4, RFC 791; the kernel takes no less

    private readonly bool _is6 = network.Is6;
    private readonly ushort _port = config.Port != 0 ? config.Port : VxlanDefaults.Port;

    // As an earlier look left it. What it must be now it may be told for the first time; what differs otherwise,
    // somebody else did.
    private VxlanSpec? _left;
    private IpPrefix _leftAddress;

    public string Name { get; } = $"{(network.Is6 ? "flannel-v6" : "flannel")}.{config.Vni}";

    /// <summary>Of packets inside the tunnel. The kernel lets it be no more than the lower device can carry.</summary>
    public uint Mtu(Underlay underlay)
    {
        uint outer = config.Mtu != 0 ? Math.Min(config.Mtu, underlay.Mtu) : underlay.Mtu;
        uint overhead = _is6 ? Overhead6 : Overhead4;
        return outer > overhead + MinMtu ? outer - overhead : MinMtu;
    }

    /// <summary>Makes, adopts or repairs it.</summary>
    /// <param name="own">Null: without an address.</param>
    /// <param name="repairs">Gets a line for each thing that was right at an earlier look and is not now.</param>
    /// <exception cref="LinuxException">The kernel refused, or another device has what it needs.</exception>
    public DeviceFacts Ensure(Underlay underlay, Lease? own, List<string> repairs)
    {
        Link? link = rtnl.FindLink(Name);
        if (link is not null && WhyIncompatible(link) is { } reason)
        {
            rtnl.DeleteLink(link.Index);
            repairs.Add($"{Name} {reason} and was deleted");
            link = null;
        }

        VxlanSpec spec = SpecFor(underlay, macFile.Get(Name, adopted: link?.Mac ?? published));
        if (link is null)
        {
            Add(spec);
            NoteIf(_left is not null, repairs, $"{Name} was gone and is made again");
            link = rtnl.GetLink(Name);
            Complete(link, own, repairs: []);    // a new one lacks the rest
        }
        else
        {
            Repair(link, spec, repairs);
            Complete(link, own, repairs);
        }

        _left = own is null ? null : spec;
        return new DeviceFacts(_is6, Name, link.Index, spec.Mac);
    }

    /// <summary>What there is of it after <see cref="Ensure"/> has failed.</summary>
    public DeviceFacts AsItIs()
    {
        Link? link = rtnl.FindLink(Name);
        int index = link is not null && WhyIncompatible(link) is null ? link.Index : 0;
        return new DeviceFacts(_is6, Name, index, macFile.Get(Name, link?.Mac));
    }

    /// <summary>Gives it its features and its address and brings it up.</summary>
    private void Complete(Link link, Lease? own, List<string> repairs)
    {
        EnsureTxChecksumOffload(repairs);
        EnsureAddress(link.Index, own, repairs);
        if (!link.IsUp)
        {
            rtnl.SetUp(link.Index);
            NoteIf(_left is not null, repairs, $"{Name} was down");
        }
    }

    private VxlanSpec SpecFor(Underlay underlay, MacAddress mac) => new(
        Name,
        config.Vni,
        config.Port,
        _is6 ? underlay.AddressV6 : underlay.Address,
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
            : vxlan.Port != _port ? $"had port {vxlan.Port}"
            : vxlan.Gbp != config.Gbp ? $"had GBP {(vxlan.Gbp ? "on" : "off")}"
            : !vxlan.Group.IsNone ? $"had the group {vxlan.Group}"
            : vxlan.L2Miss || vxlan.L3Miss ? "reported misses"
            : IsOtherFamily(vxlan.Local) ? $"had the source {(vxlan.Local.IsNone ? "0.0.0.0" : vxlan.Local)}"
            : null;
    }

    // A device without a source is an IPv4 one.
    private bool IsOtherFamily(IpAddr local) => local.IsNone ? _is6 : local.Is6 != _is6;

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
        link => link.Vxlan is { } vxlan
            && vxlan.Vni == config.Vni
            && vxlan.Port == _port
            && !IsOtherFamily(vxlan.Local)
            && link.Name != Name);

    private void Repair(Link link, VxlanSpec spec, List<string> repairs)
    {
        VxlanData vxlan = link.Vxlan!;    // compatible, so it is one
        bool hasSource = vxlan.Local == spec.Local || spec.Local.IsNone;    // there is none to be had
        if (!hasSource || vxlan.ParentIndex != spec.ParentIndex || vxlan.Learning != spec.Learning)
        {
            rtnl.ChangeVxlan(link.Index, spec);
            string learning = vxlan.Learning ? "learning" : "no learning";
            bool isNews = (_left?.Local, _left?.ParentIndex) != (spec.Local, spec.ParentIndex);
            NoteIf(
                !isNews, repairs, $"{Name} had source {vxlan.Local}, lower device {vxlan.ParentIndex} and {learning}");
        }

        if (link.Mac != spec.Mac)
        {
            rtnl.SetMac(link.Index, spec.Mac);
            NoteIf(_left is not null, repairs, $"{Name} had MAC {link.Mac}");
        }

        if (link.Mtu != spec.Mtu)
        {
            rtnl.SetMtu(link.Index, spec.Mtu);
            NoteIf(_left?.Mtu == spec.Mtu, repairs, $"{Name} had MTU {link.Mtu}");
        }
    }

    private void EnsureTxChecksumOffload(List<string> repairs)
    {
        if (config.TxChecksumOffload is { } isOn && rtnl.GetTxChecksumOffload(Name) != isOn)
        {
            rtnl.SetTxChecksumOffload(Name, isOn);
            NoteIf(_left is not null, repairs, $"{Name} had checksum offload {(isOn ? "off" : "on")}");
        }
    }

    /// <summary>
    /// The subnet's base as a host address. Other addresses inside the network are an earlier lease's; any beyond it is
    /// somebody else's.
    /// </summary>
    private void EnsureAddress(int index, Lease? own, List<string> repairs)
    {
        IpPrefix subnet = own is null ? default : _is6 ? own.IPv6Subnet : own.Subnet;
        if (subnet.IsNone)
        {
            return;
        }

        IpPrefix wanted = IpPrefix.Host(subnet.Base);
        bool isOld = wanted == _leftAddress;
        bool isThere = false;
        foreach (LinkAddress address in rtnl.ListAddresses(_is6, index))
        {
            isThere |= address.Prefix == wanted;
            if (address.Prefix != wanted && network.Contains(address.Prefix.Address))
            {
                rtnl.DeleteAddressIfPresent(index, address.Prefix);
                NoteIf(isOld, repairs, $"{Name} had the address {address.Prefix}");
            }
        }

        if (!isThere)
        {
            rtnl.AddAddress(new LinkAddress(index, wanted) { Flags = _is6 ? AddressFlags.IFA_F_NODAD : default });
            NoteIf(isOld, repairs, $"{Name} had lost its address {wanted}");
        }

        _leftAddress = wanted;
    }

    private static void NoteIf(bool isRepair, List<string> repairs, string what)
    {
        if (isRepair)
        {
            repairs.Add(what);
        }
    }
}

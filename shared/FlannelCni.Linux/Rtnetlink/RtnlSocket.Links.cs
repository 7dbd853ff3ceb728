using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.BridgeAttr;
using static FlannelCni.Linux.Rtnetlink.BridgePortAttr;
using static FlannelCni.Linux.Rtnetlink.LinkAttr;
using static FlannelCni.Linux.Rtnetlink.LinkFlags;
using static FlannelCni.Linux.Rtnetlink.LinkInfoAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;
using static FlannelCni.Linux.Rtnetlink.VethAttr;
using static FlannelCni.Linux.Rtnetlink.VxlanAttr;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK.</content>
public sealed partial class RtnlSocket
{
    private const NlMsgFlags Create = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    private const NlMsgFlags Replace = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    private const NlMsgFlags Change = NLM_F_REQUEST | NLM_F_ACK;

    /// <summary>
    /// Creates a VXLAN device, down:
    /// <c>ip link add NAME address MAC mtu MTU txqueuelen 0
    /// type vxlan id VNI dstport PORT local LOCAL dev PARENT nolearning</c>.
    /// </summary>
    /// <exception cref="NetlinkException">
    /// EEXIST: a link of that name, or a VXLAN device with this VNI and port, exists. EOPNOTSUPP: no vxlan module.
    /// </exception>
    public void AddVxlan(VxlanSpec spec)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(ComposeVxlan(buffer, spec), "add vxlan link", spec.Name);
    }

    /// <summary>
    /// Changes what can be changed in place of a VXLAN device, its lower device, source address and learning:
    /// <c>ip link set dev NAME type vxlan local LOCAL dev PARENT nolearning</c>. VNI, port and GBP cannot.
    /// </summary>
    public void ChangeVxlan(int index, VxlanSpec spec)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, new IfInfoMsg { Index = index });
        WriteVxlan(request.Attributes, spec, isNew: false);
        _socket.Execute(request.Written, "change vxlan link", spec.Name);
    }

    /// <summary>Creates a bridge, up: <c>ip link add NAME address MAC mtu MTU up type bridge</c>.</summary>
    /// <param name="mac">Set in the creating message, so that the bridge never takes a port's; zero: it does.</param>
    /// <param name="mtu">0: the kernel's default.</param>
    /// <exception cref="NetlinkException">EEXIST: a link of that name exists.</exception>
    public void AddBridge(string name, MacAddress mac, uint mtu, bool vlanFiltering = false)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, RTM_NEWLINK, Create, new IfInfoMsg { Flags = IFF_UP, Change = IFF_UP });
        AttributeWriter<LinkAttr> link = request.Attributes;
        link.WriteString(IFLA_IFNAME, name);
        if (mtu > 0)
        {
            link.Write(IFLA_MTU, mtu);
        }

        if (!mac.IsZero)
        {
            link.Write(IFLA_ADDRESS, mac);
        }

        using (AttributeWriter<LinkInfoAttr> info = link.Nest<LinkInfoAttr>(IFLA_LINKINFO))
        {
            info.WriteString(IFLA_INFO_KIND, "bridge");
            using AttributeWriter<BridgeAttr> bridge = info.Nest<BridgeAttr>(IFLA_INFO_DATA);
            if (vlanFiltering)
            {
                bridge.Write(IFLA_BR_VLAN_FILTERING, (byte)1);
            }
        }

        _socket.Execute(request.Written, "add bridge", name);
    }

    /// <summary>
    /// Creates a veth pair in one message, this end up and a port of its bridge, the other born in its namespace:
    /// <c>ip link add NAME up master BRIDGE type veth peer name PEER netns NS</c>.
    /// </summary>
    /// <exception cref="NetlinkException">EEXIST: a link of either name exists.</exception>
    public void AddVeth(VethSpec spec)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(ComposeVeth(buffer, spec), "add veth", spec);
    }

    /// <summary><c>ip link set dev INDEX up</c>, or <c>down</c>.</summary>
    public void SetUp(int index, bool up = true)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        IfInfoMsg header = new() { Index = index, Flags = up ? IFF_UP : LinkFlags.None, Change = IFF_UP };
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, header);
        _socket.Execute(request.Written, up ? "set up link" : "set down link", index);
    }

    /// <summary><c>ip link set dev INDEX promisc on</c>.</summary>
    public void SetPromiscuous(int index)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        IfInfoMsg header = new() { Index = index, Flags = IFF_PROMISC, Change = IFF_PROMISC };
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, header);
        _socket.Execute(request.Written, "set promiscuous link", index);
    }

    /// <summary><c>ip link set dev INDEX mtu MTU</c>.</summary>
    public void SetMtu(int index, uint mtu)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, new IfInfoMsg { Index = index });
        request.Attributes.Write(IFLA_MTU, mtu);
        _socket.Execute(request.Written, "set mtu", new OnLink<uint>(mtu, index));
    }

    /// <summary><c>ip link set dev INDEX address MAC</c>.</summary>
    public void SetMac(int index, MacAddress mac)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, new IfInfoMsg { Index = index });
        request.Attributes.Write(IFLA_ADDRESS, mac);
        _socket.Execute(request.Written, "set address", new OnLink<MacAddress>(mac, index));
    }

    /// <summary><c>ip link set dev INDEX master MASTER</c>; 0: <c>nomaster</c>.</summary>
    /// <exception cref="NetlinkException">ENODEV: there is no such link, or no such master.</exception>
    public void SetMaster(int index, int masterIndex)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Change, new IfInfoMsg { Index = index });
        request.Attributes.Write(IFLA_MASTER, masterIndex);
        _socket.Execute(request.Written, "set master", new OnLink<int>(masterIndex, index));
    }

    /// <summary><c>bridge link set dev INDEX hairpin on|off isolated on|off</c>.</summary>
    public void SetBridgePort(int index, BridgePort port)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, RTM_SETLINK, Change, new IfInfoMsg { Family = Libc.AF_BRIDGE, Index = index });
        using (AttributeWriter<BridgePortAttr> info = request.Attributes.Nest<BridgePortAttr>(IFLA_PROTINFO))
        {
            info.Write(IFLA_BRPORT_MODE, port.Hairpin ? (byte)1 : (byte)0);
            info.Write(IFLA_BRPORT_ISOLATED, port.Isolated ? (byte)1 : (byte)0);
        }

        _socket.Execute(request.Written, "set bridge port", index);
    }

    /// <summary><c>ip link del dev INDEX</c>. Of a veth, either end takes the other with it.</summary>
    /// <exception cref="NetlinkException">ENODEV: there is none. EOPNOTSUPP: not a virtual device.</exception>
    public void DeleteLink(int index)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_DELLINK, Change, new IfInfoMsg { Index = index });
        _socket.Execute(request.Written, "delete link", index);
    }

    /// <summary><c>ip link del dev NAME</c>.</summary>
    /// <returns>False: there was none.</returns>
    public bool DeleteLinkIfPresent(string name)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_DELLINK, Change, default);
        request.Attributes.WriteString(IFLA_IFNAME, name);
        return _socket.Execute(request.Written, "delete link", name, tolerated: Errno.ENODEV);
    }

    /// <summary><c>ip -d link show dev NAME</c>; null: there is none. An alternative name finds it too.</summary>
    /// <exception cref="NetlinkException">ERANGE: a name of more than 15 bytes.</exception>
    public Link? FindLink(string name)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_GETLINK, NLM_F_REQUEST, default);
        request.Attributes.WriteString(IFLA_IFNAME, name);
        request.Attributes.Write(IFLA_EXT_MASK, LinkReader.RTEXT_FILTER_SKIP_STATS);
        return _socket.Find<Link, string>(request.Written, "get link", name, LinkReader.TryRead);
    }

    /// <summary>As <see cref="FindLink(string)"/>, by ifindex.</summary>
    public Link? FindLink(int index)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, RTM_GETLINK, NLM_F_REQUEST, new IfInfoMsg { Index = index });
        request.Attributes.Write(IFLA_EXT_MASK, LinkReader.RTEXT_FILTER_SKIP_STATS);
        return _socket.Find<Link, int>(request.Written, "get link", index, LinkReader.TryRead);
    }

    /// <summary>As <see cref="FindLink(string)"/>; a missing link is ENODEV.</summary>
    public Link GetLink(string name) =>
        FindLink(name) ?? throw new NetlinkException($"get link {name}", Errno.ENODEV, null);

    /// <summary><c>ip -d link show</c>, of one kind if given.</summary>
    public List<Link> ListLinks(string? kind = null)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, default);
        request.Attributes.Write(IFLA_EXT_MASK, LinkReader.RTEXT_FILTER_SKIP_STATS);
        if (kind is not null)
        {
            using AttributeWriter<LinkInfoAttr> info = request.Attributes.Nest<LinkInfoAttr>(IFLA_LINKINFO);
            info.WriteString(IFLA_INFO_KIND, kind);
        }

        List<Link> links = _socket.Dump<Link>(request.Written, "list links", LinkReader.TryRead);
        if (kind is not null)
        {
            // A kernel that does not know the kind, its module not loaded, lists all links.
            links.RemoveAll(link => link.Kind != kind);
        }

        return links;
    }

    /// <summary>The ports of a bridge: <c>ip link show master INDEX</c>.</summary>
    public List<Link> ListPorts(int masterIndex)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, default);
        request.Attributes.Write(IFLA_EXT_MASK, LinkReader.RTEXT_FILTER_SKIP_STATS);
        request.Attributes.Write(IFLA_MASTER, masterIndex);
        return _socket.Dump<Link>(request.Written, "list ports", LinkReader.TryRead);
    }

    internal static Span<byte> ComposeVxlan(Span<byte> buffer, VxlanSpec spec)
    {
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(buffer, RTM_NEWLINK, Create, default);
        AttributeWriter<LinkAttr> link = request.Attributes;
        link.WriteString(IFLA_IFNAME, spec.Name);
        if (spec.Mtu > 0)
        {
            link.Write(IFLA_MTU, spec.Mtu);
        }

        link.Write(IFLA_TXQLEN, 0u);
        if (!spec.Mac.IsZero)
        {
            link.Write(IFLA_ADDRESS, spec.Mac);
        }

        WriteVxlan(link, spec, isNew: true);
        return request.Written;
    }

    internal static Span<byte> ComposeVeth(Span<byte> buffer, VethSpec spec)
    {
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, RTM_NEWLINK, Create, new IfInfoMsg { Flags = IFF_UP, Change = IFF_UP });
        AttributeWriter<LinkAttr> link = request.Attributes;
        WriteVethEnd(link, spec.Name, spec.Mac, spec.Mtu);
        if (spec.MasterIndex != 0)
        {
            link.Write(IFLA_MASTER, spec.MasterIndex);
        }

        using (AttributeWriter<LinkInfoAttr> info = link.Nest<LinkInfoAttr>(IFLA_LINKINFO))
        {
            info.WriteString(IFLA_INFO_KIND, "veth");
            using AttributeWriter<VethAttr> veth = info.Nest<VethAttr>(IFLA_INFO_DATA);
            using AttributeWriter<LinkAttr> peer = veth.Nest<IfInfoMsg, LinkAttr>(VETH_INFO_PEER, default);
            WriteVethEnd(peer, spec.PeerName, spec.PeerMac, spec.Mtu);
            peer.Write(IFLA_NET_NS_FD, spec.PeerNamespace.Descriptor);
        }

        return request.Written;
    }

    private static void WriteVethEnd(AttributeWriter<LinkAttr> end, string name, MacAddress mac, uint mtu)
    {
        end.WriteString(IFLA_IFNAME, name);
        if (mtu > 0)
        {
            end.Write(IFLA_MTU, mtu);
        }

        if (!mac.IsZero)
        {
            end.Write(IFLA_ADDRESS, mac);
        }
    }

    // In a change the kernel refuses port and GBP even where they are what they were.
    private static void WriteVxlan(AttributeWriter<LinkAttr> link, VxlanSpec spec, bool isNew)
    {
        using AttributeWriter<LinkInfoAttr> info = link.Nest<LinkInfoAttr>(IFLA_LINKINFO);
        info.WriteString(IFLA_INFO_KIND, "vxlan");
        using AttributeWriter<VxlanAttr> vxlan = info.Nest<VxlanAttr>(IFLA_INFO_DATA);
        vxlan.Write(IFLA_VXLAN_ID, spec.Vni);
        vxlan.Write(IFLA_VXLAN_LINK, spec.ParentIndex);
        vxlan.Write(IFLA_VXLAN_LEARNING, spec.Learning ? (byte)1 : (byte)0);
        if (!spec.Local.IsNone)
        {
            vxlan.Write(spec.Local.Is6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, spec.Local);
        }

        if (isNew && spec.Port != 0)
        {
            vxlan.WriteBigEndian(IFLA_VXLAN_PORT, spec.Port);
        }

        if (isNew && spec.Gbp)
        {
            vxlan.WriteFlag(IFLA_VXLAN_GBP);
        }
    }
}

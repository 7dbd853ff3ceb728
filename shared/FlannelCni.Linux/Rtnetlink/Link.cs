using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>A network device as the kernel describes it: <c>ip -d link show</c>.</summary>
public sealed record Link
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>IFLA_INFO_KIND: <c>vxlan</c>, <c>veth</c>, <c>bridge</c>; null for hardware and loopback.</summary>
    public string? Kind { get; init; }

    public LinkFlags Flags { get; init; }

    public uint Mtu { get; init; }

    /// <summary>Zero where the device has none, or one of another length.</summary>
    public MacAddress Mac { get; init; }

    /// <summary>ifindex of the bridge (or other master) it is a port of; 0: none.</summary>
    public int MasterIndex { get; init; }

    /// <summary>
    /// IFLA_LINK: ifindex of the lower device or the veth peer, in <see cref="PeerNamespaceId"/>; 0: none.
    /// </summary>
    public int ParentIndex { get; init; }

    /// <summary>Where <see cref="ParentIndex"/> counts; null: in this same namespace.</summary>
    public int? PeerNamespaceId { get; init; }

    public OperState OperState { get; init; }

    /// <summary>How many hold the device promiscuous.</summary>
    public uint Promiscuity { get; init; }

    /// <summary>A bridge that keeps VLANs apart.</summary>
    public bool FiltersVlans { get; init; }

    /// <summary>Present where the device is a bridge's port.</summary>
    public BridgePort? Port { get; init; }

    /// <summary>Present where <see cref="Kind"/> is vxlan.</summary>
    public VxlanData? Vxlan { get; init; }

    public bool IsUp => (Flags & LinkFlags.IFF_UP) != 0;

    public bool IsBridge => Kind == "bridge";
}

/// <summary>Flags of a bridge's port.</summary>
public sealed record BridgePort(bool Hairpin, bool Isolated);

/// <summary>IFLA_INFO_DATA of a VXLAN device, as far as it matters here.</summary>
public sealed record VxlanData
{
    public uint Vni { get; init; }

    /// <summary>UDP destination port, host order.</summary>
    public ushort Port { get; init; }

    /// <summary>None: not bound to a source address.</summary>
    public IpAddr Local { get; init; }

    /// <summary>None: no multicast group or default remote.</summary>
    public IpAddr Group { get; init; }

    /// <summary>ifindex of the underlay device; 0: none.</summary>
    public int ParentIndex { get; init; }

    public bool Learning { get; init; }

    public bool L2Miss { get; init; }

    public bool L3Miss { get; init; }

    public bool Gbp { get; init; }
}

/// <summary>What a VXLAN device is made from.</summary>
/// <param name="Vni">VXLAN network identifier, 0..2^24-1.</param>
/// <param name="Port">UDP destination port, host order; 0: the kernel's default, 8472.</param>
/// <param name="ParentIndex">ifindex of the underlay link; 0: none.</param>
/// <param name="Mtu">0: the kernel's choice.</param>
/// <param name="Mac">Zero: the kernel's choice.</param>
public sealed record VxlanSpec(
    string Name, uint Vni, ushort Port, IpAddr Local, int ParentIndex, uint Mtu, MacAddress Mac)
{
    public bool Learning { get; init; }

    public bool Gbp { get; init; }
}

/// <summary>What a veth pair across two namespaces is made from: this end here, up, a port of a bridge.</summary>
/// <param name="Name">Of the end in the socket's namespace.</param>
/// <param name="Mac">Of that end; zero: the kernel's choice.</param>
/// <param name="MasterIndex">ifindex of the bridge it joins; 0: none.</param>
/// <param name="PeerName">Of the end in <paramref name="PeerNamespace"/>, which stays down.</param>
/// <param name="PeerMac">Of that end; zero: the kernel's choice.</param>
/// <param name="Mtu">Of both ends; 0: the kernel's default.</param>
public sealed record VethSpec(
    string Name,
    MacAddress Mac,
    int MasterIndex,
    string PeerName,
    MacAddress PeerMac,
    Namespaces.NetNamespace PeerNamespace,
    uint Mtu)
{
    /// <summary>As an error names it.</summary>
    public override string ToString() => $"{Name} with peer {PeerName}";
}

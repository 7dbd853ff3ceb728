using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>An ARP or ND entry: <c>ip neighbour show dev INDEX</c>. Its key is device and address.</summary>
public readonly record struct Neighbour(int LinkIndex, IpAddr Address, MacAddress Mac)
{
    public NeighbourState State { get; init; } = NeighbourState.NUD_PERMANENT;

    public NeighbourFlags Flags { get; init; }
}

/// <summary>
/// A forwarding entry of a VXLAN device: <c>bridge fdb show dev INDEX</c>. Its key is device and MAC, unless the MAC is
/// zero: then each destination is one.
/// </summary>
/// <param name="Destination">The remote VTEP's underlay address; none: an entry of another kind.</param>
public readonly record struct FdbEntry(int LinkIndex, MacAddress Mac, IpAddr Destination)
{
    public NeighbourState State { get; init; } = NeighbourState.NUD_PERMANENT;

    public NeighbourFlags Flags { get; init; } = NeighbourFlags.NTF_SELF;

    /// <summary>UDP port; 0: the device's.</summary>
    public ushort Port { get; init; }

    /// <summary>VNI; 0: the device's.</summary>
    public uint Vni { get; init; }

    /// <summary>The bridge the device is a port of, for entries of the bridge; 0: the entry is the device's.</summary>
    public int MasterIndex { get; init; }
}

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Attributes of a neighbour or FDB entry, linux/neighbour.h.</summary>
internal enum NeighbourAttr : ushort
{
    NDA_DST = 1,
    NDA_LLADDR = 2,
    NDA_VLAN = 5,
    NDA_PORT = 6,
    NDA_VNI = 7,
    NDA_IFINDEX = 8,
    NDA_MASTER = 9,
    NDA_SRC_VNI = 11,
}

/// <summary>ndm_state.</summary>
[Flags]
public enum NeighbourState : ushort
{
    None = 0,
    NUD_INCOMPLETE = 0x01,
    NUD_REACHABLE = 0x02,
    NUD_STALE = 0x04,
    NUD_DELAY = 0x08,
    NUD_PROBE = 0x10,
    NUD_FAILED = 0x20,
    NUD_NOARP = 0x40,
    NUD_PERMANENT = 0x80,
}

/// <summary>ndm_flags.</summary>
[Flags]
public enum NeighbourFlags : byte
{
    None = 0,
    NTF_USE = 0x01,
    NTF_SELF = 0x02,
    NTF_MASTER = 0x04,
    NTF_PROXY = 0x08,
    NTF_EXT_LEARNED = 0x10,
    NTF_OFFLOADED = 0x20,
    NTF_STICKY = 0x40,
    NTF_ROUTER = 0x80,
}

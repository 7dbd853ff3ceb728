using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Nftables;

/// <summary><c>struct nfgenmsg</c>, linux/netfilter/nfnetlink.h; 4 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct NfGenMsg
{
    public NftFamily Family;      // nfgen_family
    public byte Version;          // NFNETLINK_V0
    public ushort ResourceId;     // res_id, big endian: of a batch the subsystem it is for

    /// <summary>The header of NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END.</summary>
    internal static NfGenMsg Batch => new()
    {
        ResourceId = BinaryPrimitives.ReverseEndianness(NftMsgType.NFNL_SUBSYS_NFTABLES),
    };
}

/// <summary>NFPROTO_*, linux/netfilter.h: whose packets a table sees.</summary>
public enum NftFamily : byte
{
    NFPROTO_UNSPEC = 0,
    NFPROTO_INET = 1,
    NFPROTO_IPV4 = 2,
    NFPROTO_ARP = 3,
    NFPROTO_NETDEV = 5,
    NFPROTO_BRIDGE = 7,
    NFPROTO_IPV6 = 10,
}

/// <summary>
/// Message types of nfnetlink, and those of nftables with their subsystem in the upper byte;
/// linux/netfilter/nfnetlink.h and nf_tables.h.
/// </summary>
public static class NftMsgType
{
    public const ushort NFNL_MSG_BATCH_BEGIN = 16;
    public const ushort NFNL_MSG_BATCH_END = 17;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;

    public const ushort NFT_MSG_NEWTABLE = Subsystem | 0;
    public const ushort NFT_MSG_GETTABLE = Subsystem | 1;
    public const ushort NFT_MSG_DELTABLE = Subsystem | 2;
    public const ushort NFT_MSG_NEWCHAIN = Subsystem | 3;
    public const ushort NFT_MSG_GETCHAIN = Subsystem | 4;
    public const ushort NFT_MSG_DELCHAIN = Subsystem | 5;
    public const ushort NFT_MSG_NEWRULE = Subsystem | 6;
    public const ushort NFT_MSG_GETRULE = Subsystem | 7;
    public const ushort NFT_MSG_DELRULE = Subsystem | 8;

    private const ushort Subsystem = NFNL_SUBSYS_NFTABLES << 8;
}

/// <summary>Multicast groups of NETLINK_NETFILTER, linux/netfilter/nfnetlink_compat.h.</summary>
public enum NfnlGroup
{
    NFNLGRP_NFTABLES = 7,
}

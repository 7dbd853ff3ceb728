using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Nftables.NftMsgType;

namespace FlannelCni.Linux.Nftables;

/// <summary>
/// The nftables ruleset of one network namespace: that of the thread which opened the socket. Not for several threads
/// at once. Each method names the command of nft that does the same.
/// </summary>
public sealed class NftSocket : IDisposable
{
    private const int RequestSize = 256;

    private readonly NetlinkSocket _socket;

    private NftSocket(NetlinkSocket socket) => _socket = socket;

    /// <inheritdoc cref="NetlinkSocket.PortId"/>
    public uint PortId => _socket.PortId;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="LinuxException">EPROTONOSUPPORT: this kernel has no nfnetlink.</exception>
    public static NftSocket Open() => new(NetlinkSocket.Open(NetlinkFamily.NETLINK_NETFILTER));

    /// <summary><c>nft list table FAMILY NAME</c>, without what is in it.</summary>
    /// <exception cref="NetlinkException">
    /// EINVAL: this kernel has no nf_tables. EPERM: without CAP_NET_ADMIN.
    /// </exception>
    public NftTable? FindTable(NftFamily family, string name)
    {
        NetlinkWriter<NfGenMsg, NftTableAttr> request = new(
            stackalloc byte[RequestSize], NFT_MSG_GETTABLE, NLM_F_REQUEST, new NfGenMsg() { Family = family });
        request.Attributes.WriteString(NftTableAttr.NFTA_TABLE_NAME, name);
        return _socket.Find<NftTable, string>(request.Written, "find table", name, NftMessages.TryReadTable);
    }

    /// <summary><c>nft list chain FAMILY TABLE NAME</c>, without its rules.</summary>
    public NftChain? FindChain(NftFamily family, string table, string name)
    {
        NetlinkWriter<NfGenMsg, NftChainAttr> request = new(
            stackalloc byte[RequestSize], NFT_MSG_GETCHAIN, NLM_F_REQUEST, new NfGenMsg() { Family = family });
        request.Attributes.WriteString(NftChainAttr.NFTA_CHAIN_TABLE, table);
        request.Attributes.WriteString(NftChainAttr.NFTA_CHAIN_NAME, name);
        return _socket.Find<NftChain, string>(request.Written, "find chain", name, NftMessages.TryReadChain);
    }

    /// <summary>
    /// <c>nft -a list table FAMILY TABLE</c>: the rules of all its chains; none where there is no table.
    /// </summary>
    public List<NftRule> ListRules(NftFamily family, string table) => ListRules(family, table, chain: null);

    /// <summary>
    /// <c>nft -a list chain FAMILY TABLE CHAIN</c>: its rules in order; none where there is no such chain.
    /// </summary>
    /// <param name="chain">Null: of all chains of the table.</param>
    public List<NftRule> ListRules(NftFamily family, string table, string? chain)
    {
        NetlinkWriter<NfGenMsg, NftRuleAttr> request = new(
            stackalloc byte[RequestSize],
            NFT_MSG_GETRULE,
            NLM_F_REQUEST | NLM_F_DUMP,
            new NfGenMsg() { Family = family });
        request.Attributes.WriteString(NftRuleAttr.NFTA_RULE_TABLE, table);
        if (chain is not null)
        {
            request.Attributes.WriteString(NftRuleAttr.NFTA_RULE_CHAIN, chain);
        }

        return _socket.Dump<NftRule>(request.Written, "list rules", NftMessages.TryReadRule);
    }

    /// <summary><c>nft -f</c>: all of it or nothing.</summary>
    /// <param name="transaction">Is spent by this.</param>
    /// <exception cref="NetlinkException">
    /// The first change that was refused, none is done. ENOENT: something it names is not there, or its module is
    /// missing. EBUSY: a chain that is in use. EPERM: without CAP_NET_ADMIN. EOPNOTSUPP: this kernel has no nf_tables.
    /// </exception>
    public void Execute(NftTransaction transaction)
    {
        if (transaction.Count == 0)
        {
            return;
        }

        transaction.Complete();
        if (_socket.ExecuteTransaction(transaction.Messages) is { } failure)
        {
            // Message 0 opens the batch. Refused itself, it speaks for all.
            (string operation, string subject) = transaction.Describe(Math.Max(0, failure.Index - 1));
            throw new NetlinkException($"{operation} {subject}", failure.Errno, failure.KernelMessage);
        }
    }

    public void Dispose() => _socket.Dispose();
}

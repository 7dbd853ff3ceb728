namespace FlannelCni.Linux.Nftables;

/// <summary>
/// Attributes of a table, <c>enum nft_table_attributes</c>, linux/netfilter/nf_tables.h. Numbers are big endian.
/// </summary>
public enum NftTableAttr : ushort
{
    NFTA_TABLE_NAME = 1,
    NFTA_TABLE_FLAGS = 2,
    NFTA_TABLE_USE = 3,
    NFTA_TABLE_HANDLE = 4,
    NFTA_TABLE_USERDATA = 6,
    NFTA_TABLE_OWNER = 7,
}

/// <summary>Attributes of a chain, <c>enum nft_chain_attributes</c>.</summary>
public enum NftChainAttr : ushort
{
    NFTA_CHAIN_TABLE = 1,
    NFTA_CHAIN_HANDLE = 2,
    NFTA_CHAIN_NAME = 3,
    NFTA_CHAIN_HOOK = 4,
    NFTA_CHAIN_POLICY = 5,
    NFTA_CHAIN_USE = 6,
    NFTA_CHAIN_TYPE = 7,
    NFTA_CHAIN_COUNTERS = 8,
    NFTA_CHAIN_FLAGS = 10,
    NFTA_CHAIN_USERDATA = 12,
}

/// <summary>Where a base chain hangs, <c>enum nft_hook_attributes</c>.</summary>
public enum NftHookAttr : ushort
{
    NFTA_HOOK_HOOKNUM = 1,
    NFTA_HOOK_PRIORITY = 2,
}

/// <summary>Attributes of a rule, <c>enum nft_rule_attributes</c>.</summary>
public enum NftRuleAttr : ushort
{
    NFTA_RULE_TABLE = 1,
    NFTA_RULE_CHAIN = 2,
    NFTA_RULE_HANDLE = 3,
    NFTA_RULE_EXPRESSIONS = 4,
    NFTA_RULE_COMPAT = 5,
    NFTA_RULE_POSITION = 6,
    NFTA_RULE_USERDATA = 7,
}

/// <summary>A list of things, <c>enum nft_list_attributes</c>.</summary>
public enum NftListAttr : ushort
{
    NFTA_LIST_ELEM = 1,
}

/// <summary>One expression of a rule, <c>enum nft_expr_attributes</c>.</summary>
public enum NftExprAttr : ushort
{
    NFTA_EXPR_NAME = 1,
    NFTA_EXPR_DATA = 2,
}

/// <summary>The expression "meta", <c>enum nft_meta_attributes</c>.</summary>
public enum NftMetaAttr : ushort
{
    NFTA_META_DREG = 1,
    NFTA_META_KEY = 2,
    NFTA_META_SREG = 3,
}

/// <summary>The expression "payload", <c>enum nft_payload_attributes</c>.</summary>
public enum NftPayloadAttr : ushort
{
    NFTA_PAYLOAD_DREG = 1,
    NFTA_PAYLOAD_BASE = 2,
    NFTA_PAYLOAD_OFFSET = 3,
    NFTA_PAYLOAD_LEN = 4,
}

/// <summary>The expression "bitwise", <c>enum nft_bitwise_attributes</c>.</summary>
public enum NftBitwiseAttr : ushort
{
    NFTA_BITWISE_SREG = 1,
    NFTA_BITWISE_DREG = 2,
    NFTA_BITWISE_LEN = 3,
    NFTA_BITWISE_MASK = 4,
    NFTA_BITWISE_XOR = 5,
    NFTA_BITWISE_OP = 6,
}

/// <summary>The expression "cmp", <c>enum nft_cmp_attributes</c>.</summary>
public enum NftCmpAttr : ushort
{
    NFTA_CMP_SREG = 1,
    NFTA_CMP_OP = 2,
    NFTA_CMP_DATA = 3,
}

/// <summary>The expression "immediate", <c>enum nft_immediate_attributes</c>.</summary>
public enum NftImmediateAttr : ushort
{
    NFTA_IMMEDIATE_DREG = 1,
    NFTA_IMMEDIATE_DATA = 2,
}

/// <summary>What a register holds, <c>enum nft_data_attributes</c>.</summary>
public enum NftDataAttr : ushort
{
    NFTA_DATA_VALUE = 1,
    NFTA_DATA_VERDICT = 2,
}

/// <summary>A verdict, <c>enum nft_verdict_attributes</c>.</summary>
public enum NftVerdictAttr : ushort
{
    NFTA_VERDICT_CODE = 1,
    NFTA_VERDICT_CHAIN = 2,
}

/// <summary>The expression "masq", <c>enum nft_masq_attributes</c>.</summary>
public enum NftMasqAttr : ushort
{
    NFTA_MASQ_FLAGS = 1,
    NFTA_MASQ_REG_PROTO_MIN = 2,
    NFTA_MASQ_REG_PROTO_MAX = 3,
}

/// <summary>Keys of "meta", <c>enum nft_meta_keys</c>.</summary>
public enum NftMetaKey : uint
{
    NFT_META_MARK = 3,
    NFT_META_IIFNAME = 6,
    NFT_META_NFPROTO = 15,
}

/// <summary>What an offset of "payload" counts from, <c>enum nft_payload_bases</c>.</summary>
public enum NftPayloadBase : uint
{
    NFT_PAYLOAD_LL_HEADER = 0,
    NFT_PAYLOAD_NETWORK_HEADER = 1,
    NFT_PAYLOAD_TRANSPORT_HEADER = 2,
}

/// <summary>Comparisons of "cmp", <c>enum nft_cmp_ops</c>.</summary>
public enum NftCmpOp : uint
{
    NFT_CMP_EQ = 0,
    NFT_CMP_NEQ = 1,
    NFT_CMP_LT = 2,
    NFT_CMP_LTE = 3,
    NFT_CMP_GT = 4,
    NFT_CMP_GTE = 5,
}

/// <summary>Verdicts, <c>enum nft_verdicts</c> and linux/netfilter.h.</summary>
public enum NftVerdict
{
    NF_DROP = 0,
    NF_ACCEPT = 1,
    NFT_CONTINUE = -1,
    NFT_BREAK = -2,
    NFT_JUMP = -3,
    NFT_GOTO = -4,
    NFT_RETURN = -5,
}

/// <summary>How "masq" chooses a port, NF_NAT_RANGE_*, linux/netfilter/nf_nat.h.</summary>
[Flags]
public enum NftNatFlags : uint
{
    None = 0,
    NF_NAT_RANGE_PROTO_RANDOM = 1 << 2,
    NF_NAT_RANGE_PERSISTENT = 1 << 3,
    NF_NAT_RANGE_PROTO_RANDOM_FULLY = 1 << 4,
}

/// <summary>Hooks of the IP families, <c>enum nf_inet_hooks</c>, linux/netfilter.h.</summary>
public enum NftHook : uint
{
    NF_INET_PRE_ROUTING = 0,
    NF_INET_LOCAL_IN = 1,
    NF_INET_FORWARD = 2,
    NF_INET_LOCAL_OUT = 3,
    NF_INET_POST_ROUTING = 4,
}

/// <summary>NFT_TABLE_F_*.</summary>
[Flags]
public enum NftTableFlags : uint
{
    None = 0,

    /// <summary>Its chains do nothing.</summary>
    NFT_TABLE_F_DORMANT = 1,
    NFT_TABLE_F_OWNER = 2,
    NFT_TABLE_F_PERSIST = 4,
}

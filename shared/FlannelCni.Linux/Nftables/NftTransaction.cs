using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Nftables.NftChainAttr;
using static FlannelCni.Linux.Nftables.NftHookAttr;
using static FlannelCni.Linux.Nftables.NftMsgType;
using static FlannelCni.Linux.Nftables.NftRuleAttr;
using static FlannelCni.Linux.Nftables.NftTableAttr;

namespace FlannelCni.Linux.Nftables;

/// <summary>
/// Changes that happen together or not at all: <see cref="NftSocket.Execute"/>. No packet ever sees some of them. Each
/// method names the line of <c>nft -f</c> that does the same.
/// </summary>
public sealed class NftTransaction
{
    private const NlMsgFlags Change = NLM_F_REQUEST;
    private const NlMsgFlags Create = NLM_F_REQUEST | NLM_F_CREATE;
    private const int MessageSize = 1024;    // holds the longest: a rule that compares two IPv6 addresses

    private readonly List<(string Operation, string Subject)> _steps = [];

    internal NetlinkBatch Messages { get; } = new();

    /// <summary>How many changes.</summary>
    public int Count => _steps.Count;

    /// <summary>
    /// <c>add table FAMILY NAME { comment COMMENT; }</c>. One that is there keeps its comment, and takes the flags:
    /// none wakes up a dormant one.
    /// </summary>
    public void AddTable(NftTable table)
    {
        NetlinkWriter<NfGenMsg, NftTableAttr> request =
            new(stackalloc byte[MessageSize], NFT_MSG_NEWTABLE, Create, HeaderOf(table.Family));
        request.Attributes.WriteString(NFTA_TABLE_NAME, table.Name);
        request.Attributes.WriteBigEndian(NFTA_TABLE_FLAGS, (uint)table.Flags);
        if (table.Comment is { } comment)
        {
            request.Attributes.Write(NFTA_TABLE_USERDATA, (ReadOnlySpan<byte>)NftUserData.OfComment(comment));
        }

        Add(request.Written, "add table", Name(table.Family, table.Name));
    }

    /// <summary><c>delete table FAMILY NAME</c>, with all that is in it.</summary>
    public void DeleteTable(NftFamily family, string name)
    {
        NetlinkWriter<NfGenMsg, NftTableAttr> request =
            new(stackalloc byte[MessageSize], NFT_MSG_DELTABLE, Change, HeaderOf(family));
        request.Attributes.WriteString(NFTA_TABLE_NAME, name);
        Add(request.Written, "delete table", Name(family, name));
    }

    /// <summary>
    /// <c>add chain FAMILY TABLE NAME { type TYPE hook HOOK priority PRIORITY; policy POLICY; comment COMMENT; }</c>.
    /// One that is there keeps its comment and takes the policy; it cannot move to another hook (EEXIST, EOPNOTSUPP).
    /// </summary>
    public void AddChain(NftChain chain)
    {
        NetlinkWriter<NfGenMsg, NftChainAttr> request =
            new(stackalloc byte[MessageSize], NFT_MSG_NEWCHAIN, Create, HeaderOf(chain.Family));
        AttributeWriter<NftChainAttr> attributes = request.Attributes;
        attributes.WriteString(NFTA_CHAIN_TABLE, chain.Table);
        attributes.WriteString(NFTA_CHAIN_NAME, chain.Name);
        if (chain.Base is { } place)
        {
            using (AttributeWriter<NftHookAttr> hook = attributes.Nest<NftHookAttr>(NFTA_CHAIN_HOOK))
            {
                hook.WriteBigEndian(NFTA_HOOK_HOOKNUM, (uint)place.Hook);
                hook.WriteBigEndian(NFTA_HOOK_PRIORITY, (uint)place.Priority);
            }

            attributes.WriteBigEndian(NFTA_CHAIN_POLICY, (uint)place.Policy);
            attributes.WriteString(NFTA_CHAIN_TYPE, place.Type);
        }

        if (chain.Comment is { } comment)
        {
            attributes.Write(NFTA_CHAIN_USERDATA, (ReadOnlySpan<byte>)NftUserData.OfComment(comment));
        }

        Add(request.Written, "add chain", Name(chain.Family, chain.Table, chain.Name));
    }

    /// <summary><c>delete chain FAMILY TABLE NAME</c>; its rules must be gone (EBUSY).</summary>
    public void DeleteChain(NftFamily family, string table, string name)
    {
        NetlinkWriter<NfGenMsg, NftChainAttr> request =
            new(stackalloc byte[MessageSize], NFT_MSG_DELCHAIN, Change, HeaderOf(family));
        request.Attributes.WriteString(NFTA_CHAIN_TABLE, table);
        request.Attributes.WriteString(NFTA_CHAIN_NAME, name);
        Add(request.Written, "delete chain", Name(family, table, name));
    }

    /// <summary>
    /// <c>flush chain FAMILY TABLE NAME</c>: within a transaction no gap, but the first half of a replacement.
    /// </summary>
    public void FlushChain(NftFamily family, string table, string name) =>
        Add(RuleMessage(stackalloc byte[MessageSize], NFT_MSG_DELRULE, Change, family, table, name).Written,
            "flush chain", Name(family, table, name));

    /// <summary><c>add rule FAMILY TABLE CHAIN … comment COMMENT</c>, at the end.</summary>
    public void AddRule(
        NftFamily family,
        string table,
        string chain,
        ReadOnlySpan<NftExpression> expressions,
        string? comment = null)
    {
        NetlinkWriter<NfGenMsg, NftRuleAttr> request = RuleMessage(
            stackalloc byte[MessageSize], NFT_MSG_NEWRULE, Create | NLM_F_APPEND, family, table, chain);
        using (AttributeWriter<NftListAttr> list = request.Attributes.Nest<NftListAttr>(NFTA_RULE_EXPRESSIONS))
        {
            foreach (NftExpression expression in expressions)
            {
                NftExpressionWriter.Write(list, expression);
            }
        }

        if (comment is not null)
        {
            request.Attributes.Write(NFTA_RULE_USERDATA, (ReadOnlySpan<byte>)NftUserData.OfComment(comment));
        }

        Add(request.Written, "add rule", $"{Name(family, table, chain)} {string.Join(' ', expressions.ToArray())}");
    }

    /// <summary><c>delete rule FAMILY TABLE CHAIN handle HANDLE</c>.</summary>
    public void DeleteRule(NftRule rule)
    {
        NetlinkWriter<NfGenMsg, NftRuleAttr> request = RuleMessage(
            stackalloc byte[MessageSize], NFT_MSG_DELRULE, Change, rule.Family, rule.Table, rule.Chain);
        request.Attributes.WriteBigEndian(NFTA_RULE_HANDLE, rule.Handle);
        Add(request.Written, "delete rule", $"{Name(rule.Family, rule.Table, rule.Chain)} handle {rule.Handle}");
    }

    /// <summary>What the change of this number does, for an error message.</summary>
    internal (string Operation, string Subject) Describe(int index) => _steps[index];

    private static NetlinkWriter<NfGenMsg, NftRuleAttr> RuleMessage(
        Span<byte> buffer, ushort type, NlMsgFlags flags, NftFamily family, string table, string chain)
    {
        NetlinkWriter<NfGenMsg, NftRuleAttr> request = new(buffer, type, flags, HeaderOf(family));
        request.Attributes.WriteString(NFTA_RULE_TABLE, table);
        request.Attributes.WriteString(NFTA_RULE_CHAIN, chain);
        return request;
    }

    private static NfGenMsg HeaderOf(NftFamily family) => new() { Family = family };

    private static string Name(NftFamily family, params ReadOnlySpan<string> names)
    {
        string prefix = family switch
        {
            NftFamily.NFPROTO_IPV4 => "ip",
            NftFamily.NFPROTO_IPV6 => "ip6",
            NftFamily.NFPROTO_INET => "inet",
            NftFamily.NFPROTO_BRIDGE => "bridge",
            _ => family.ToString(),
        };
        return $"{prefix} {string.Join(' ', names)}";
    }

    private void Add(ReadOnlySpan<byte> message, string operation, string subject)
    {
        if (_steps.Count == 0)
        {
            AddBorder(NFNL_MSG_BATCH_BEGIN);
        }

        Messages.Add(message);
        _steps.Add((operation, subject));
    }

    /// <summary>Closes the batch; nothing can be added after it.</summary>
    internal void Complete() => AddBorder(NFNL_MSG_BATCH_END);

    private void AddBorder(ushort type)
    {
        NetlinkWriter<NfGenMsg, NftTableAttr> border = new(stackalloc byte[32], type, Change, NfGenMsg.Batch);
        Messages.Add(border.Written);
    }
}

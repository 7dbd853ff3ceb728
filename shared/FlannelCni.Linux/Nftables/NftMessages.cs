using System.Collections.Immutable;
using System.Text;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Nftables.NftChainAttr;
using static FlannelCni.Linux.Nftables.NftHookAttr;
using static FlannelCni.Linux.Nftables.NftRuleAttr;
using static FlannelCni.Linux.Nftables.NftTableAttr;

namespace FlannelCni.Linux.Nftables;

/// <summary>Reads tables, chains and rules, and the notifications about them.</summary>
internal static class NftMessages
{
    internal static bool TryReadTable(in NetlinkMessage message, out NftTable table)
    {
        NfGenMsg header = message.Split<NfGenMsg, NftTableAttr>(out AttributeReader<NftTableAttr> attributes);
        table = new NftTable(header.Family, "");
        foreach (NetlinkAttribute<NftTableAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_TABLE_NAME:
                    table = table with { Name = attribute.ReadString() };
                    break;
                case NFTA_TABLE_FLAGS:
                    table = table with { Flags = (NftTableFlags)attribute.ReadUInt32BigEndian() };
                    break;
                case NFTA_TABLE_USERDATA:
                    table = table with { Comment = NftUserData.ReadComment(attribute.Payload) };
                    break;
            }
        }

        return true;
    }

    internal static bool TryReadChain(in NetlinkMessage message, out NftChain chain)
    {
        NfGenMsg header = message.Split<NfGenMsg, NftChainAttr>(out AttributeReader<NftChainAttr> attributes);
        chain = new NftChain(header.Family, "", "");
        string? type = null;
        NftHook hook = default;
        int priority = 0;
        NftVerdict policy = default;
        foreach (NetlinkAttribute<NftChainAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_CHAIN_TABLE:
                    chain = chain with { Table = attribute.ReadString() };
                    break;
                case NFTA_CHAIN_NAME:
                    chain = chain with { Name = attribute.ReadString() };
                    break;
                case NFTA_CHAIN_TYPE:
                    type = attribute.ReadString();
                    break;
                case NFTA_CHAIN_HOOK:
                    (hook, priority) = ReadHook(attribute.Nested<NftHookAttr>());
                    break;
                case NFTA_CHAIN_POLICY:
                    policy = (NftVerdict)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_CHAIN_USERDATA:
                    chain = chain with { Comment = NftUserData.ReadComment(attribute.Payload) };
                    break;
            }
        }

        chain = chain with { Base = type is null ? null : new NftBase(type, hook, priority, policy) };
        return true;
    }

    internal static bool TryReadRule(in NetlinkMessage message, out NftRule rule)
    {
        NfGenMsg header = message.Split<NfGenMsg, NftRuleAttr>(out AttributeReader<NftRuleAttr> attributes);
        rule = new NftRule(header.Family, "", "", 0, []);
        foreach (NetlinkAttribute<NftRuleAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_RULE_TABLE:
                    rule = rule with { Table = attribute.ReadString() };
                    break;
                case NFTA_RULE_CHAIN:
                    rule = rule with { Chain = attribute.ReadString() };
                    break;
                case NFTA_RULE_HANDLE:
                    rule = rule with { Handle = attribute.ReadUInt64BigEndian() };
                    break;
                case NFTA_RULE_EXPRESSIONS:
                    rule = rule with { Expressions = ReadExpressions(attribute.Nested<NftListAttr>()) };
                    break;
                case NFTA_RULE_USERDATA:
                    rule = rule with { Comment = NftUserData.ReadComment(attribute.Payload) };
                    break;
            }
        }

        return true;
    }

    /// <summary>
    /// The name of the table that a notification is about: the first attribute of tables, chains, rules, sets and all
    /// the rest, NEWGEN excepted.
    /// </summary>
    internal static ReadOnlySpan<byte> ReadTableName(in NetlinkMessage message) =>
        ReadName(message, (ushort)NFTA_TABLE_NAME);

    /// <summary>A notification about a table, a chain, a rule, or something else in a table.</summary>
    internal static NftEvent ReadEvent(in NetlinkMessage message, string table)
    {
        NfGenMsg header = message.Split<NfGenMsg, NftTableAttr>(out _);
        ushort? attribute = message.Header.Type switch
        {
            NftMsgType.NFT_MSG_NEWCHAIN or NftMsgType.NFT_MSG_DELCHAIN => (ushort)NFTA_CHAIN_NAME,
            NftMsgType.NFT_MSG_NEWRULE or NftMsgType.NFT_MSG_DELRULE => (ushort)NFTA_RULE_CHAIN,
            _ => null,
        };
        string? chain = attribute is ushort type ? Encoding.UTF8.GetString(ReadName(message, type)) : null;
        return new NftEvent(message.Header.Type, header.Family, table, chain, message.Header.PortId);
    }

    private static ReadOnlySpan<byte> ReadName(in NetlinkMessage message, ushort type)
    {
        message.Split<NfGenMsg, NftTableAttr>(out AttributeReader<NftTableAttr> attributes);
        foreach (NetlinkAttribute<NftTableAttr> attribute in attributes)
        {
            if ((ushort)attribute.Type == type)
            {
                return attribute.Payload.TrimEnd((byte)0);
            }
        }

        return [];
    }

    private static (NftHook Hook, int Priority) ReadHook(AttributeReader<NftHookAttr> attributes)
    {
        NftHook hook = default;
        int priority = 0;
        foreach (NetlinkAttribute<NftHookAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_HOOK_HOOKNUM:
                    hook = (NftHook)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_HOOK_PRIORITY:
                    priority = (int)attribute.ReadUInt32BigEndian();
                    break;
            }
        }

        return (hook, priority);
    }

    private static ImmutableArray<NftExpression> ReadExpressions(AttributeReader<NftListAttr> list)
    {
        ImmutableArray<NftExpression>.Builder expressions = ImmutableArray.CreateBuilder<NftExpression>();
        foreach (NetlinkAttribute<NftListAttr> element in list)
        {
            if (element.Type == NftListAttr.NFTA_LIST_ELEM)
            {
                expressions.Add(NftExpressionReader.Read(element.Nested<NftExprAttr>()));
            }
        }

        return expressions.ToImmutable();
    }
}

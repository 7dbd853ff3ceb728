using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Nftables;

/// <summary>
/// Rules as nftables has them. Expressions are those that nft makes of the same text, so that it shows the text.
/// </summary>
internal static class NftablesRules
{
    private const int Filter = 0;          // priorities, linux/netfilter_ipv4.h
    private const int SourceNat = 100;

    /// <summary>Every chain that an agent of this kind makes, whether it is wanted now or not.</summary>
    internal static readonly ChainRole[] Roles =
        [ChainRole.MasqueradeToPods, ChainRole.Masquerade, ChainRole.Forward];

    internal static NftFamily Family(bool is6) => is6 ? NftFamily.NFPROTO_IPV6 : NftFamily.NFPROTO_IPV4;

    internal static NftTable Table(bool is6, string name) =>
        new(Family(is6), name) { Comment = $"rules for {name}" };

    internal static NftChain Chain(bool is6, string table, ChainRole role) => role switch
    {
        ChainRole.Masquerade => new(Family(is6), table, "postrtg")
        {
            Base = new("nat", NftHook.NF_INET_POST_ROUTING, SourceNat, NftVerdict.NF_ACCEPT),
            Comment = "chain to manage traffic masquerading by flannel",
        },

        // The first chain that masquerades a connection decides; one that returns leaves it to the next.
        ChainRole.MasqueradeToPods => new(Family(is6), table, "postrtg-to-pods")
        {
            Base = new("nat", NftHook.NF_INET_POST_ROUTING, SourceNat - 1, NftVerdict.NF_ACCEPT),
            Comment = "chain to masquerade traffic from elsewhere to pods of other nodes",
        },
        _ => new(Family(is6), table, "forward")
        {
            Base = new("filter", NftHook.NF_INET_FORWARD, Filter, NftVerdict.NF_ACCEPT),
            Comment = "chain to accept flannel traffic",
        },
    };

    internal static NftExpression[] Rule(TrafficRule rule)
    {
        List<NftExpression> expressions = [];
        if (rule.Mark is { } mark)
        {
            expressions.Add(NftExpression.LoadMeta(NftMetaKey.NFT_META_MARK));
            if (mark.Mask != uint.MaxValue)
            {
                expressions.Add(NftExpression.Mask(mark.Mask));
            }

            expressions.Add(NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, mark.Value));
        }

        AddAddress(expressions, rule.Source, NftAddressSide.Source);
        AddAddress(expressions, rule.Destination, NftAddressSide.Destination);
        expressions.Add(rule.Action switch
        {
            RuleAction.Return => NftExpression.Decide(NftVerdict.NFT_RETURN),
            RuleAction.Accept => NftExpression.Decide(NftVerdict.NF_ACCEPT),
            RuleAction.Masquerade => NftExpression.Masquerade(NftNatFlags.None),
            _ => NftExpression.Masquerade(NftNatFlags.NF_NAT_RANGE_PROTO_RANDOM_FULLY),
        });
        return [.. expressions];
    }

    private static void AddAddress(List<NftExpression> expressions, AddressMatch? match, NftAddressSide side)
    {
        if (match is { } address)
        {
            NftAddressMatch.Append(expressions, address.Prefix, side, address.IsNegated);
        }
    }
}

using FlannelCni.Linux.Net;
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

        // Offsets of the addresses in the two headers.
        AddAddress(expressions, rule.Source, v4Offset: 12, v6Offset: 8);
        AddAddress(expressions, rule.Destination, v4Offset: 16, v6Offset: 24);
        expressions.Add(rule.Action switch
        {
            RuleAction.Return => NftExpression.Decide(NftVerdict.NFT_RETURN),
            RuleAction.Accept => NftExpression.Decide(NftVerdict.NF_ACCEPT),
            RuleAction.Masquerade => NftExpression.Masquerade(NftNatFlags.None),
            _ => NftExpression.Masquerade(NftNatFlags.NF_NAT_RANGE_PROTO_RANDOM_FULLY),
        });
        return [.. expressions];
    }

    /// <summary>Of a prefix that ends at a byte only its bytes are compared; any other is masked first.</summary>
    private static void AddAddress(List<NftExpression> expressions, AddressMatch? match, uint v4Offset, uint v6Offset)
    {
        if (match is not { } address)
        {
            return;
        }

        IpPrefix prefix = address.Prefix;
        Span<byte> bytes = stackalloc byte[NftData.MaxLength];
        int length = prefix.Base.WriteTo(bytes);
        bool endsAtByte = prefix.Length % 8 == 0 && prefix.Length > 0;
        int compared = endsAtByte ? prefix.Length / 8 : length;
        expressions.Add(NftExpression.LoadPayload(
            NftPayloadBase.NFT_PAYLOAD_NETWORK_HEADER, prefix.Is6 ? v6Offset : v4Offset, (uint)compared));
        if (!endsAtByte)
        {
            Span<byte> mask = stackalloc byte[NftData.MaxLength];
            mask.Clear();
            for (int bit = 0; bit < prefix.Length; bit++)
            {
                mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
            }

            expressions.Add(NftExpression.Mask(mask[..length]));
        }

        NftCmpOp op = address.IsNegated ? NftCmpOp.NFT_CMP_NEQ : NftCmpOp.NFT_CMP_EQ;
        expressions.Add(NftExpression.Cmp(op, bytes[..compared]));
    }
}

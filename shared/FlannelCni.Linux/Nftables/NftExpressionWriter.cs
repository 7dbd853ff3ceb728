using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Nftables.NftBitwiseAttr;
using static FlannelCni.Linux.Nftables.NftCmpAttr;
using static FlannelCni.Linux.Nftables.NftDataAttr;
using static FlannelCni.Linux.Nftables.NftExprAttr;
using static FlannelCni.Linux.Nftables.NftImmediateAttr;
using static FlannelCni.Linux.Nftables.NftMasqAttr;
using static FlannelCni.Linux.Nftables.NftMetaAttr;
using static FlannelCni.Linux.Nftables.NftPayloadAttr;
using static FlannelCni.Linux.Nftables.NftVerdictAttr;

namespace FlannelCni.Linux.Nftables;

/// <summary>Writes the expressions of a rule: <c>NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA }</c>.</summary>
internal static class NftExpressionWriter
{
    internal const uint Register = 1;          // NFT_REG_1, the only one that is used

    private const uint VerdictRegister = 0;    // NFT_REG_VERDICT

    /// <exception cref="NotSupportedException">An expression that was only ever read.</exception>
    internal static void Write(AttributeWriter<NftListAttr> list, in NftExpression expression)
    {
        using AttributeWriter<NftExprAttr> element = list.Nest<NftExprAttr>(NftListAttr.NFTA_LIST_ELEM);
        switch (expression.Kind)
        {
            case NftExpressionKind.Meta:
                element.WriteString(NFTA_EXPR_NAME, "meta");
                using (AttributeWriter<NftMetaAttr> meta = element.Nest<NftMetaAttr>(NFTA_EXPR_DATA))
                {
                    meta.WriteBigEndian(NFTA_META_KEY, (uint)expression.MetaKey);
                    meta.WriteBigEndian(NFTA_META_DREG, Register);
                }

                break;
            case NftExpressionKind.Payload:
                element.WriteString(NFTA_EXPR_NAME, "payload");
                using (AttributeWriter<NftPayloadAttr> payload = element.Nest<NftPayloadAttr>(NFTA_EXPR_DATA))
                {
                    payload.WriteBigEndian(NFTA_PAYLOAD_DREG, Register);
                    payload.WriteBigEndian(NFTA_PAYLOAD_BASE, (uint)expression.PayloadBase);
                    payload.WriteBigEndian(NFTA_PAYLOAD_OFFSET, expression.PayloadOffset);
                    payload.WriteBigEndian(NFTA_PAYLOAD_LEN, expression.PayloadLength);
                }

                break;
            case NftExpressionKind.Bitwise:
                element.WriteString(NFTA_EXPR_NAME, "bitwise");
                using (AttributeWriter<NftBitwiseAttr> bitwise = element.Nest<NftBitwiseAttr>(NFTA_EXPR_DATA))
                {
                    bitwise.WriteBigEndian(NFTA_BITWISE_SREG, Register);
                    bitwise.WriteBigEndian(NFTA_BITWISE_DREG, Register);
                    bitwise.WriteBigEndian(NFTA_BITWISE_LEN, (uint)expression.Data.Length);
                    WriteData(bitwise, NFTA_BITWISE_MASK, expression.Data);
                    WriteData(bitwise, NFTA_BITWISE_XOR, Zeros(expression.Data.Length));
                }

                break;
            case NftExpressionKind.Cmp:
                element.WriteString(NFTA_EXPR_NAME, "cmp");
                using (AttributeWriter<NftCmpAttr> cmp = element.Nest<NftCmpAttr>(NFTA_EXPR_DATA))
                {
                    cmp.WriteBigEndian(NFTA_CMP_SREG, Register);
                    cmp.WriteBigEndian(NFTA_CMP_OP, (uint)expression.CmpOp);
                    WriteData(cmp, NFTA_CMP_DATA, expression.Data);
                }

                break;
            case NftExpressionKind.Verdict:
                element.WriteString(NFTA_EXPR_NAME, "immediate");
                using (AttributeWriter<NftImmediateAttr> immediate = element.Nest<NftImmediateAttr>(NFTA_EXPR_DATA))
                {
                    immediate.WriteBigEndian(NFTA_IMMEDIATE_DREG, VerdictRegister);
                    using AttributeWriter<NftDataAttr> data = immediate.Nest<NftDataAttr>(NFTA_IMMEDIATE_DATA);
                    using AttributeWriter<NftVerdictAttr> verdict = data.Nest<NftVerdictAttr>(NFTA_DATA_VERDICT);
                    verdict.WriteBigEndian(NFTA_VERDICT_CODE, (uint)expression.Verdict);
                    if (expression.Chain is { } chain)
                    {
                        verdict.WriteString(NFTA_VERDICT_CHAIN, chain);
                    }
                }

                break;
            case NftExpressionKind.Masquerade:
                element.WriteString(NFTA_EXPR_NAME, "masq");
                using (AttributeWriter<NftMasqAttr> masquerade = element.Nest<NftMasqAttr>(NFTA_EXPR_DATA))
                {
                    if (expression.NatFlags != NftNatFlags.None)
                    {
                        masquerade.WriteBigEndian(NFTA_MASQ_FLAGS, (uint)expression.NatFlags);
                    }
                }

                break;
            default:
                throw new NotSupportedException($"the expression {expression} cannot be written");
        }
    }

    private static void WriteData<TAttr>(AttributeWriter<TAttr> attributes, TAttr type, NftData data)
        where TAttr : unmanaged, Enum
    {
        Span<byte> bytes = stackalloc byte[NftData.MaxLength];
        using AttributeWriter<NftDataAttr> nest = attributes.Nest<NftDataAttr>(type);
        nest.Write(NFTA_DATA_VALUE, (ReadOnlySpan<byte>)bytes[..data.WriteTo(bytes)]);
    }

    private static NftData Zeros(int length)
    {
        Span<byte> zeros = stackalloc byte[NftData.MaxLength];
        zeros.Clear();
        return new NftData(zeros[..length]);
    }
}

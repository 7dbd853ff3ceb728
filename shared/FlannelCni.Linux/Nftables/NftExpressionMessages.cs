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

/// <summary>Writes and reads the expressions of a rule: <c>NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA }</c>.</summary>
internal static class NftExpressionMessages
{
    private const uint Register = 1;           // NFT_REG_1
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
            case NftExpressionKind.Compare:
                element.WriteString(NFTA_EXPR_NAME, "cmp");
                using (AttributeWriter<NftCmpAttr> compare = element.Nest<NftCmpAttr>(NFTA_EXPR_DATA))
                {
                    compare.WriteBigEndian(NFTA_CMP_SREG, Register);
                    compare.WriteBigEndian(NFTA_CMP_OP, (uint)expression.CompareOp);
                    WriteData(compare, NFTA_CMP_DATA, expression.Data);
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

    internal static NftExpression Read(AttributeReader<NftExprAttr> element)
    {
        string name = "";
        NetlinkAttribute<NftExprAttr> data = default;
        foreach (NetlinkAttribute<NftExprAttr> attribute in element)
        {
            switch (attribute.Type)
            {
                case NFTA_EXPR_NAME:
                    name = attribute.ReadString();
                    break;
                case NFTA_EXPR_DATA:
                    data = attribute;
                    break;
            }
        }

        NftExpression? known = name switch
        {
            "meta" => ReadMeta(data.Nested<NftMetaAttr>()),
            "payload" => ReadPayload(data.Nested<NftPayloadAttr>()),
            "bitwise" => ReadBitwise(data.Nested<NftBitwiseAttr>()),
            "cmp" => ReadCompare(data.Nested<NftCmpAttr>()),
            "immediate" => ReadImmediate(data.Nested<NftImmediateAttr>()),
            "masq" => ReadMasquerade(data.Nested<NftMasqAttr>()),
            _ => null,
        };
        return known ?? NftExpression.Other(name);
    }

    // Each reader below answers null for what the type has no form for: another register, a xor, a set instead of a load.
    private static NftExpression? ReadMeta(AttributeReader<NftMetaAttr> attributes)
    {
        uint register = 0;
        NftMetaKey key = default;
        foreach (NetlinkAttribute<NftMetaAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_META_DREG:
                    register = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_META_KEY:
                    key = (NftMetaKey)attribute.ReadUInt32BigEndian();
                    break;
            }
        }

        return register == Register ? NftExpression.LoadMeta(key) : null;
    }

    private static NftExpression? ReadPayload(AttributeReader<NftPayloadAttr> attributes)
    {
        uint register = 0;
        NftPayloadBase from = default;
        uint offset = 0;
        uint length = 0;
        foreach (NetlinkAttribute<NftPayloadAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_PAYLOAD_DREG:
                    register = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_PAYLOAD_BASE:
                    from = (NftPayloadBase)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_PAYLOAD_OFFSET:
                    offset = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_PAYLOAD_LEN:
                    length = attribute.ReadUInt32BigEndian();
                    break;
            }
        }

        return register == Register ? NftExpression.LoadPayload(from, offset, length) : null;
    }

    private static NftExpression? ReadBitwise(AttributeReader<NftBitwiseAttr> attributes)
    {
        uint source = 0;
        uint destination = 0;
        uint op = 0;    // NFT_BITWISE_MASK_XOR
        ReadOnlySpan<byte> mask = [];
        ReadOnlySpan<byte> xor = [];
        foreach (NetlinkAttribute<NftBitwiseAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_BITWISE_SREG:
                    source = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_BITWISE_DREG:
                    destination = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_BITWISE_OP:
                    op = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_BITWISE_MASK:
                    mask = ReadData(attribute.Nested<NftDataAttr>());
                    break;
                case NFTA_BITWISE_XOR:
                    xor = ReadData(attribute.Nested<NftDataAttr>());
                    break;
            }
        }

        bool isMask = source == Register && destination == Register && op == 0 && !xor.ContainsAnyExcept((byte)0);
        return isMask && mask.Length <= NftData.MaxLength ? NftExpression.Mask(mask) : null;
    }

    private static NftExpression? ReadCompare(AttributeReader<NftCmpAttr> attributes)
    {
        uint register = 0;
        NftCmpOp op = default;
        ReadOnlySpan<byte> data = [];
        foreach (NetlinkAttribute<NftCmpAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_CMP_SREG:
                    register = attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_CMP_OP:
                    op = (NftCmpOp)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_CMP_DATA:
                    data = ReadData(attribute.Nested<NftDataAttr>());
                    break;
            }
        }

        return register == Register && data.Length <= NftData.MaxLength ? NftExpression.Compare(op, data) : null;
    }

    private static NftExpression? ReadImmediate(AttributeReader<NftImmediateAttr> attributes)
    {
        foreach (NetlinkAttribute<NftImmediateAttr> attribute in attributes)
        {
            if (attribute.Type != NFTA_IMMEDIATE_DATA)
            {
                continue;
            }

            foreach (NetlinkAttribute<NftDataAttr> data in attribute.Nested<NftDataAttr>())
            {
                if (data.Type == NFTA_DATA_VERDICT)
                {
                    return ReadVerdict(data.Nested<NftVerdictAttr>());
                }
            }
        }

        return null;
    }

    private static NftExpression ReadVerdict(AttributeReader<NftVerdictAttr> attributes)
    {
        NftVerdict verdict = default;
        string? chain = null;
        foreach (NetlinkAttribute<NftVerdictAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_VERDICT_CODE:
                    verdict = (NftVerdict)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_VERDICT_CHAIN:
                    chain = attribute.ReadString();
                    break;
            }
        }

        return NftExpression.Decide(verdict, chain);
    }

    private static NftExpression? ReadMasquerade(AttributeReader<NftMasqAttr> attributes)
    {
        NftNatFlags flags = NftNatFlags.None;
        foreach (NetlinkAttribute<NftMasqAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NFTA_MASQ_FLAGS:
                    flags = (NftNatFlags)attribute.ReadUInt32BigEndian();
                    break;
                case NFTA_MASQ_REG_PROTO_MIN or NFTA_MASQ_REG_PROTO_MAX:
                    return null;
            }
        }

        return NftExpression.Masquerade(flags);
    }

    private static void WriteData<TAttr>(AttributeWriter<TAttr> attributes, TAttr type, NftData data)
        where TAttr : unmanaged, Enum
    {
        Span<byte> bytes = stackalloc byte[NftData.MaxLength];
        using AttributeWriter<NftDataAttr> nest = attributes.Nest<NftDataAttr>(type);
        nest.Write(NFTA_DATA_VALUE, (ReadOnlySpan<byte>)bytes[..data.WriteTo(bytes)]);
    }

    private static ReadOnlySpan<byte> ReadData(AttributeReader<NftDataAttr> attributes)
    {
        foreach (NetlinkAttribute<NftDataAttr> attribute in attributes)
        {
            if (attribute.Type == NFTA_DATA_VALUE)
            {
                return attribute.Payload;
            }
        }

        return [];
    }

    private static NftData Zeros(int length)
    {
        Span<byte> zeros = stackalloc byte[NftData.MaxLength];
        zeros.Clear();
        return new NftData(zeros[..length]);
    }
}

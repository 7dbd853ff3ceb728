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

/// <summary>Reads the expressions of a rule.</summary>
internal static class NftExpressionReader
{
    private const uint Register = NftExpressionWriter.Register;

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
            "cmp" => ReadCmp(data.Nested<NftCmpAttr>()),
            "immediate" => ReadImmediate(data.Nested<NftImmediateAttr>()),
            "masq" => ReadMasquerade(data.Nested<NftMasqAttr>()),
            _ => null,
        };
        return known ?? NftExpression.Other(name);
    }

    // Each reader below answers null for what the type has no form for: another register, a xor, a set instead of a
    // load.
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

    private static NftExpression? ReadCmp(AttributeReader<NftCmpAttr> attributes)
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

        return register == Register && data.Length <= NftData.MaxLength ? NftExpression.Cmp(op, data) : null;
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
}

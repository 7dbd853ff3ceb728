using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Nftables;

/// <summary>Compares a packet's addresses with a prefix: <c>ip saddr PREFIX</c>, <c>ip6 daddr != PREFIX</c>.</summary>
public static class NftAddressMatch
{
    /// <summary>Appends the steps. In a table of both families the packet's own must be asked for before.</summary>
    public static void Append(
        ICollection<NftExpression> expressions, IpPrefix prefix, NftAddressSide side, bool isNegated)
    {
        uint offset = (side, prefix.Is6) switch
        {
            (NftAddressSide.Source, false) => 12,
            (NftAddressSide.Source, true) => 8,
            (_, false) => 16,
            (_, true) => 24,
        };
        Span<byte> bytes = stackalloc byte[NftData.MaxLength];
        int length = prefix.Base.WriteTo(bytes);

        // Of a prefix that ends at a byte only its bytes are compared; any other is masked first.
        bool endsAtByte = prefix.Length % 8 == 0 && prefix.Length > 0;
        int compared = endsAtByte ? prefix.Length / 8 : length;
        expressions.Add(NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_NETWORK_HEADER, offset, (uint)compared));
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

        NftCmpOp op = isNegated ? NftCmpOp.NFT_CMP_NEQ : NftCmpOp.NFT_CMP_EQ;
        expressions.Add(NftExpression.Cmp(op, bytes[..compared]));
    }
}

/// <summary>Which of a packet's two addresses.</summary>
public enum NftAddressSide
{
    Source,
    Destination,
}

using System.Text;

namespace FlannelCni.Linux.Nftables;

/// <summary>
/// What nft keeps in the kernel for itself, <c>type:u8 | length:u8 | value</c>, libnftnl's udata.h. The comment of a
/// table, of a chain and of a rule is type 0, a text with its NUL.
/// </summary>
internal static class NftUserData
{
    private const byte Comment = 0;    // NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT, NFTNL_UDATA_RULE_COMMENT

    internal static byte[] OfComment(string comment)
    {
        int length = Encoding.UTF8.GetByteCount(comment) + 1;
        byte[] data = new byte[2 + length];
        data[0] = Comment;
        data[1] = checked((byte)length);
        Encoding.UTF8.GetBytes(comment, data.AsSpan(2));
        return data;
    }

    /// <summary>Null: there is none, or the data is not nft's.</summary>
    internal static string? ReadComment(ReadOnlySpan<byte> data)
    {
        while (data.Length >= 2 && data.Length >= 2 + data[1])
        {
            ReadOnlySpan<byte> value = data.Slice(2, data[1]);
            if (data[0] == Comment)
            {
                return Encoding.UTF8.GetString(value.TrimEnd((byte)0));
            }

            data = data[(2 + data[1])..];
        }

        return null;
    }
}

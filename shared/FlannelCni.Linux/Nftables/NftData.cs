namespace FlannelCni.Linux.Nftables;

/// <summary>Up to 16 bytes in a register, as they stand in the packet.</summary>
public readonly record struct NftData
{
    public const int MaxLength = 16;

    private readonly UInt128 _bytes;    // the first byte is the highest; the unused ones are 0
    private readonly byte _length;

    /// <exception cref="ArgumentOutOfRangeException">More than 16.</exception>
    public NftData(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxLength);
        for (int i = 0; i < bytes.Length; i++)
        {
            _bytes |= (UInt128)bytes[i] << (8 * (MaxLength - 1 - i));
        }

        _length = (byte)bytes.Length;
    }

    public int Length => _length;

    /// <summary>Writes the bytes and returns how many.</summary>
    public int WriteTo(Span<byte> destination)
    {
        for (int i = 0; i < _length; i++)
        {
            destination[i] = (byte)(_bytes >> (8 * (MaxLength - 1 - i)));
        }

        return _length;
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        return $"0x{Convert.ToHexString(bytes[..WriteTo(bytes)])}";
    }
}

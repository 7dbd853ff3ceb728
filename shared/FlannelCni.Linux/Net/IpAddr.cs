using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace FlannelCni.Linux.Net;

/// <summary>
/// An IPv4 or IPv6 address. Text is read and printed as Go's <c>net/netip</c> does (RFC 5952), because file names,
/// JSON and rules made from it are compared with those of other programs. <c>default</c> is no address.
/// </summary>
public readonly record struct IpAddr : IComparable<IpAddr>
{
    private readonly ulong _high;
    private readonly ulong _low;
    private readonly byte _bits;    // 0: no address, 32, 128

    private IpAddr(ulong high, ulong low, byte bits)
    {
        _high = high;
        _low = low;
        _bits = bits;
    }

    /// <summary>0.0.0.0.</summary>
    public static IpAddr Any4 => new(0, 0, 32);

    /// <summary>::.</summary>
    public static IpAddr Any6 => new(0, 0, 128);

    /// <summary>Is this <c>default</c>, no address at all?</summary>
    public bool IsNone => _bits == 0;

    public bool Is4 => _bits == 32;

    public bool Is6 => _bits == 128;

    /// <summary>32 or 128; 0 for none.</summary>
    public int BitLength => _bits;

    /// <summary>4 or 16; 0 for none.</summary>
    public int ByteLength => _bits / 8;

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsUnspecified => _bits != 0 && (_high | _low) == 0;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => Is4 ? _low >> 24 == 127 : Is6 && _high == 0 && _low == 1;

    /// <summary>224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => Is4 ? _low >> 28 == 0xE : Is6 && _high >> 56 == 0xFF;

    /// <summary>169.254.0.0/16 or fe80::/10.</summary>
    public bool IsLinkLocal => Is4 ? _low >> 16 == 0xA9FE : Is6 && _high >> 54 == 0x3FA;

    /// <summary>Go's meaning: neither unspecified, loopback, multicast, link-local nor 255.255.255.255.</summary>
    public bool IsGlobalUnicast =>
        _bits != 0 && !IsUnspecified && !IsLoopback && !IsMulticast && !IsLinkLocal && !(Is4 && _low == uint.MaxValue);

    /// <summary>The group in which neighbours ask for an IPv6 address: RFC 4291, 2.7.1. None for IPv4.</summary>
    public IpAddr SolicitedNode =>
        Is6 ? new(0xFF02_0000_0000_0000, 0x0000_0001_FF00_0000 | (_low & 0xFF_FFFF), 128) : default;

    /// <summary>The address of IPv4's 32 bits, host order.</summary>
    public static IpAddr FromUInt32(uint value) => new(0, value, 32);

    /// <summary>The address <paramref name="offset"/> after this one, wrapping at the end of its family.</summary>
    public IpAddr Add(UInt128 offset)
    {
        UInt128 sum = new UInt128(_high, _low) + offset;
        return Is4 ? FromUInt32((uint)sum)
            : Is6 ? new IpAddr((ulong)(sum >> 64), (ulong)sum, 128)
            : default;
    }

    /// <summary>The bits as a number, to count and to step with.</summary>
    public UInt128 ToUInt128() => new(_high, _low);

    /// <summary>4 or 16 bytes in network order, as in a netlink attribute.</summary>
    /// <exception cref="FormatException">Another number of bytes.</exception>
    public static IpAddr FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => FromUInt32(BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => new IpAddr(
            BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), 128),
        _ => throw new FormatException($"an address of {bytes.Length} bytes: 4 or 16 expected"),
    };

    /// <summary>Writes the network-order bytes and returns how many, 4 or 16.</summary>
    /// <exception cref="InvalidOperationException">This is no address.</exception>
    public int WriteTo(Span<byte> destination)
    {
        if (Is4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return 4;
        }

        if (IsNone)
        {
            throw new InvalidOperationException("there is no address to write");
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        return 16;
    }

    /// <summary>The address with all but the first <paramref name="length"/> bits cleared.</summary>
    internal IpAddr Mask(int length)
    {
        if (Is4)
        {
            return FromUInt32(length == 0 ? 0 : (uint)_low & (uint.MaxValue << (32 - length)));
        }

        UInt128 mask = length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);
        UInt128 bits = new UInt128(_high, _low) & mask;
        return new IpAddr((ulong)(bits >> 64), (ulong)bits, _bits);
    }

    /// <summary>
    /// Reads <c>10.1.2.3</c> or <c>fd00::1</c>; an IPv4-mapped address becomes IPv4. No zone, no short forms.
    /// </summary>
    /// <exception cref="FormatException">Not an address.</exception>
    public static IpAddr Parse(string text) =>
        TryParse(text, out IpAddr address) ? address : throw new FormatException($"invalid IP address: \"{text}\"");

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out IpAddr address) =>
        TryParse(text.AsSpan(), out address);

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(ReadOnlySpan<char> text, out IpAddr address)
    {
        if (text.Contains(':'))
        {
            Span<ushort> groups = stackalloc ushort[8];
            if (!IpText.TryParse6(text, groups))
            {
                address = default;
                return false;
            }

            ulong high = Join(groups);
            ulong low = Join(groups[4..]);
            bool isMapped = high == 0 && low >> 32 == 0xFFFF;
            address = isMapped ? FromUInt32((uint)low) : new IpAddr(high, low, 128);
            return true;
        }

        bool ok = IpText.TryParse4(text, out uint value);
        address = ok ? FromUInt32(value) : default;
        return ok;
    }

    public override string ToString()
    {
        if (_bits == 0)
        {
            return "";
        }

        Span<char> text = stackalloc char[IpText.MaxLength];
        int length = Is4 ? IpText.Format4((uint)_low, text) : IpText.Format6(_high, _low, text);
        return new string(text[..length]);
    }

    /// <summary>IPv4 before IPv6, then by value.</summary>
    public int CompareTo(IpAddr other)
    {
        int byFamily = _bits.CompareTo(other._bits);
        return byFamily != 0 ? byFamily : ToUInt128().CompareTo(other.ToUInt128());
    }

    public static bool operator <(IpAddr left, IpAddr right) => left.CompareTo(right) < 0;

    public static bool operator >(IpAddr left, IpAddr right) => left.CompareTo(right) > 0;

    public static bool operator <=(IpAddr left, IpAddr right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IpAddr left, IpAddr right) => left.CompareTo(right) >= 0;

    private static ulong Join(ReadOnlySpan<ushort> groups) =>
        ((ulong)groups[0] << 48) | ((ulong)groups[1] << 32) | ((ulong)groups[2] << 16) | groups[3];
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace FlannelCni.Linux.Net;

/// <summary>
/// An address with a prefix length, host bits kept as given: <c>10.244.1.1/24</c> is an interface's address,
/// its <see cref="Masked"/> form <c>10.244.1.0/24</c> the subnet.
/// </summary>
public readonly record struct IpPrefix : IComparable<IpPrefix>
{
    private readonly byte _length;

    /// <exception cref="ArgumentOutOfRangeException">The length does not fit the family.</exception>
    public IpPrefix(IpAddr address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, address.BitLength);
        Address = address;
        _length = (byte)length;
    }

    public IpAddr Address { get; }

    /// <summary>0..32 or 0..128.</summary>
    public int Length => _length;

    /// <summary>Is this <c>default</c>, no prefix at all?</summary>
    public bool IsNone => Address.IsNone;

    public bool Is4 => Address.Is4;

    public bool Is6 => Address.Is6;

    /// <summary>The first address: all host bits zero.</summary>
    public IpAddr Base => Address.Mask(_length);

    /// <summary>The last address: all host bits one (IPv4: the broadcast address).</summary>
    public IpAddr Last => Base.Add(HostMask);

    /// <summary>The same prefix with its host bits cleared.</summary>
    public IpPrefix Masked => new(Base, _length);

    public bool IsMasked => Base == Address;

    /// <summary>0.0.0.0/0 or ::/0.</summary>
    public bool IsDefault => _length == 0 && !IsNone;

    // A shift by 128 would be a shift by 0.
    private UInt128 HostMask =>
        _length == Address.BitLength ? UInt128.Zero : UInt128.MaxValue >> (128 - (Address.BitLength - _length));

    /// <summary>The prefix of one address: /32 or /128.</summary>
    public static IpPrefix Host(IpAddr address) => new(address, address.BitLength);

    public bool Contains(IpAddr address) =>
        !IsNone && address.BitLength == Address.BitLength && address.Mask(_length) == Base;

    /// <summary>Is the whole of <paramref name="other"/> inside, equality included?</summary>
    public bool Contains(IpPrefix other) => other._length >= _length && Contains(other.Address);

    public bool Overlaps(IpPrefix other) => Contains(other) || other.Contains(this);

    /// <summary>Reads <c>10.1.17.1/24</c>. The length is mandatory, decimal, without sign or leading zeros.</summary>
    /// <exception cref="FormatException">Not a prefix.</exception>
    public static IpPrefix Parse(string text) =>
        TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException($"invalid CIDR address: {text}");

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out IpPrefix prefix) =>
        TryParse(text.AsSpan(), out prefix);

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix)
    {
        int slash = text.IndexOf('/');
        if (slash >= 0
            && IpAddr.TryParse(text[..slash], out IpAddr address)
            && IpText.TryParseDecimal(text[(slash + 1)..], text[..slash].Contains(':') ? 128 : 32, out int length))
        {
            // "::ffff:10.0.0.0/104" has become IPv4 while its length counts in IPv6.
            if (text[..slash].Contains(':') && address.Is4)
            {
                length -= 96;
            }

            if (length >= 0)
            {
                prefix = new IpPrefix(address, length);
                return true;
            }
        }

        prefix = default;
        return false;
    }

    // Not interpolated: the array pool behind that takes a tenth of a millisecond at its first use.
    public override string ToString() =>
        IsNone ? "" : string.Concat(Address.ToString(), "/", _length.ToString(CultureInfo.InvariantCulture));

    /// <summary>By address, then the shorter prefix first.</summary>
    public int CompareTo(IpPrefix other)
    {
        int byAddress = Address.CompareTo(other.Address);
        return byAddress != 0 ? byAddress : _length.CompareTo(other._length);
    }

    public static bool operator <(IpPrefix left, IpPrefix right) => left.CompareTo(right) < 0;

    public static bool operator >(IpPrefix left, IpPrefix right) => left.CompareTo(right) > 0;

    public static bool operator <=(IpPrefix left, IpPrefix right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IpPrefix left, IpPrefix right) => left.CompareTo(right) >= 0;
}

using System.Diagnostics.CodeAnalysis;

namespace FlannelCni.Linux.Net;

/// <summary>A 48-bit Ethernet address; <c>default</c> is 00:00:00:00:00:00. Printed in lower case, by colons.</summary>
public readonly record struct MacAddress : IComparable<MacAddress>
{
    public const int ByteLength = 6;

    private readonly ulong _value;    // the first byte on the wire is the most significant of 48 bits

    private MacAddress(ulong value) => _value = value;

    public bool IsZero => _value == 0;

    /// <summary>Can a device own it: not zero, group bit clear (IEEE 802)?</summary>
    public bool IsUnicast => _value != 0 && (_value >> 40 & 1) == 0;

    /// <exception cref="FormatException">Not six bytes.</exception>
    public static MacAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != ByteLength)
        {
            throw new FormatException($"a MAC address of {bytes.Length} bytes: {ByteLength} expected");
        }

        ulong value = 0;
        foreach (byte b in bytes)
        {
            value = (value << 8) | b;
        }

        return new MacAddress(value);
    }

    /// <summary>The unicast, locally administered address made of 46 of these random bits.</summary>
    public static MacAddress LocallyAdministered(ulong random) =>
        new((random & 0xFFFF_FFFF_FFFF & ~(1UL << 40)) | (1UL << 41));

    public void WriteTo(Span<byte> destination)
    {
        for (int i = 0; i < ByteLength; i++)
        {
            destination[i] = (byte)(_value >> (40 - (8 * i)));
        }
    }

    /// <summary>Reads <c>aa:bb:cc:dd:ee:ff</c>, <c>aa-bb-cc-dd-ee-ff</c> or <c>aabb.ccdd.eeff</c>.</summary>
    /// <exception cref="FormatException">None of these.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress mac) ? mac : throw new FormatException($"invalid MAC address: \"{text}\"");

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress mac) =>
        TryParse(text.AsSpan(), out mac);

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress mac)
    {
        mac = default;
        (char separator, int digits) = text.Length switch
        {
            17 when text[2] is ':' or '-' => (text[2], 2),
            14 when text[4] == '.' => ('.', 4),
            _ => ('\0', 0),
        };
        if (digits == 0)
        {
            return false;
        }

        ulong value = 0;
        for (int i = 0; i < text.Length; i += digits + 1)
        {
            bool isSeparated = i + digits == text.Length || text[i + digits] == separator;
            if (!isSeparated || !IpText.TryParseHex(text.Slice(i, digits), out ushort part))
            {
                return false;
            }

            value = (value << (4 * digits)) | part;
        }

        mac = new MacAddress(value);
        return true;
    }

    public override string ToString() => string.Create(17, _value, static (text, value) =>
    {
        const string Hex = "0123456789abcdef";
        for (int i = 0; i < ByteLength; i++)
        {
            byte b = (byte)(value >> (40 - (8 * i)));
            text[3 * i] = Hex[b >> 4];
            text[(3 * i) + 1] = Hex[b & 0xF];
            if (i < ByteLength - 1)
            {
                text[(3 * i) + 2] = ':';
            }
        }
    });

    public int CompareTo(MacAddress other) => _value.CompareTo(other._value);

    public static bool operator <(MacAddress left, MacAddress right) => left.CompareTo(right) < 0;

    public static bool operator >(MacAddress left, MacAddress right) => left.CompareTo(right) > 0;

    public static bool operator <=(MacAddress left, MacAddress right) => left.CompareTo(right) <= 0;

    public static bool operator >=(MacAddress left, MacAddress right) => left.CompareTo(right) >= 0;
}

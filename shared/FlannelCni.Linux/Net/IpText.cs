using System.Globalization;

namespace FlannelCni.Linux.Net;

/// <summary>The text forms of addresses: strict in (no leading zeros, no zones), RFC 5952 out.</summary>
internal static class IpText
{
    /// <summary>Of the longest text, <c>ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255</c>.</summary>
    internal const int MaxLength = 45;

    internal static bool TryParse4(ReadOnlySpan<char> text, out uint value)
    {
        value = 0;
        for (int octet = 0; octet < 4; octet++)
        {
            int end = octet < 3 ? text.IndexOf('.') : text.Length;
            if (end < 0 || !TryParseDecimal(text[..end], 255, out int number))
            {
                return false;
            }

            value = (value << 8) | (uint)number;
            text = octet < 3 ? text[(end + 1)..] : default;
        }

        return true;
    }

    /// <summary>A decimal number without sign, blanks or leading zeros, at most <paramref name="max"/>.</summary>
    internal static bool TryParseDecimal(ReadOnlySpan<char> text, int max, out int number)
    {
        number = 0;
        if (text.IsEmpty || text.Length > 4 || (text.Length > 1 && text[0] == '0'))
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            number = (number * 10) + (c - '0');
        }

        return number <= max;
    }

    /// <summary>One to four hexadecimal digits and nothing else; ushort.TryParse takes NULs behind them.</summary>
    internal static bool TryParseHex(ReadOnlySpan<char> text, out ushort number)
    {
        number = 0;
        foreach (char c in text)
        {
            if (!char.IsAsciiHexDigit(c))
            {
                return false;
            }

            number = (ushort)((number << 4) | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10));
        }

        return text.Length is >= 1 and <= 4;
    }

    internal static bool TryParse6(ReadOnlySpan<char> text, Span<ushort> groups)
    {
        groups.Clear();
        int count = 0;
        int gap = -1;    // where "::" stood, in groups
        if (text.StartsWith("::"))
        {
            gap = 0;
            text = text[2..];
        }

        while (!text.IsEmpty)
        {
            int end = text.IndexOf(':');
            ReadOnlySpan<char> part = end < 0 ? text : text[..end];
            if (end < 0 && part.Contains('.'))
            {
                if (count > 6 || !TryParse4(part, out uint v4))
                {
                    return false;
                }

                groups[count++] = (ushort)(v4 >> 16);
                groups[count++] = (ushort)v4;
                break;
            }

            if (count == 8 || part.Length is 0 or > 4 || !TryParseHex(part, out groups[count]))
            {
                return false;
            }

            count++;
            if (end < 0)
            {
                break;
            }

            text = text[(end + 1)..];
            if (text.StartsWith(":"))
            {
                if (gap >= 0)
                {
                    return false;
                }

                gap = count;
                text = text[1..];
            }
            else if (text.IsEmpty)
            {
                return false;    // a single colon at the end
            }
        }

        if (gap < 0)
        {
            return count == 8;
        }

        if (count == 8)
        {
            return false;        // "::" stands for at least one group
        }

        groups[gap..count].CopyTo(groups[(8 - (count - gap))..]);
        groups[gap..(8 - (count - gap))].Clear();
        return true;
    }

    internal static int Format4(uint value, Span<char> text)
    {
        int length = 0;
        for (int shift = 24; shift >= 0; shift -= 8)
        {
            ((byte)(value >> shift)).TryFormat(text[length..], out int written, default, CultureInfo.InvariantCulture);
            length += written;
            if (shift > 0)
            {
                text[length++] = '.';
            }
        }

        return length;
    }

    internal static int Format6(ulong high, ulong low, Span<char> text)
    {
        if (high == 0 && low >> 32 == 0xFFFF)
        {
            "::ffff:".CopyTo(text);
            return 7 + Format4((uint)low, text[7..]);
        }

        Span<ushort> groups = stackalloc ushort[8];
        for (int i = 0; i < 4; i++)
        {
            groups[i] = (ushort)(high >> (48 - (16 * i)));
            groups[i + 4] = (ushort)(low >> (48 - (16 * i)));
        }

        (int zerosStart, int zerosEnd) = LongestZeros(groups);
        int length = 0;
        for (int i = 0; i < 8; i++)
        {
            if (i == zerosStart)
            {
                text[length++] = ':';
                text[length++] = ':';
                i = zerosEnd - 1;
                continue;
            }

            if (i > 0 && i != zerosEnd)
            {
                text[length++] = ':';
            }

            groups[i].TryFormat(text[length..], out int written, "x", CultureInfo.InvariantCulture);
            length += written;
        }

        return length;
    }

    // RFC 5952 section 4.2: the first of the longest runs, of two groups or more.
    private static (int Start, int End) LongestZeros(ReadOnlySpan<ushort> groups)
    {
        (int Start, int End) best = (-1, -1);
        for (int i = 0; i < 8; i++)
        {
            int end = i;
            while (end < 8 && groups[end] == 0)
            {
                end++;
            }

            if (end - i >= 2 && end - i > best.End - best.Start)
            {
                best = (i, end);
            }

            i = Math.Max(i, end - 1);
        }

        return best;
    }
}

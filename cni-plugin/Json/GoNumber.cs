using System.Globalization;

namespace FlannelCni.Plugin.Json;

/// <summary>A double as Go prints it in JSON: shortest, with an exponent below 1e-6 and from 1e21 on.</summary>
internal static class GoNumber
{
    internal static string Format(double value)
    {
        if (value == Math.Floor(value) && Math.Abs(value) < 1e15)
        {
            return value == 0 && double.IsNegative(value)
                ? "-0"
                : ((long)value).ToString(CultureInfo.InvariantCulture);
        }

        // The shortest digits, as d.ddddE+xxx or plain; taken apart and put together Go's way.
        string shortest = Math.Abs(value).ToString("E16", CultureInfo.InvariantCulture);
        string plain = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        int exponent = int.Parse(shortest.AsSpan(shortest.IndexOf('E') + 1), provider: CultureInfo.InvariantCulture);
        string digits = Digits(plain);
        string sign = value < 0 ? "-" : "";
        if (exponent is < -6 or >= 21)
        {
            string fraction = digits.Length > 1 ? $".{digits[1..]}" : "";
            string power = exponent.ToString("+00;-0", CultureInfo.InvariantCulture);
            return $"{sign}{digits[0]}{fraction}e{power}";
        }

        if (exponent < 0)
        {
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        }

        return digits.Length <= exponent + 1
            ? sign + digits.PadRight(exponent + 1, '0')
            : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    /// <summary>The significant digits, without point, exponent and outer zeros.</summary>
    private static string Digits(string plain)
    {
        int end = plain.IndexOf('E');
        string mantissa = end < 0 ? plain : plain[..end];
        return mantissa.Replace(".", "", StringComparison.Ordinal).Trim('0');
    }
}

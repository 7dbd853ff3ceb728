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

        string sign = value < 0 ? "-" : "";
        (string digits, int exponent) = Split(Math.Abs(value).ToString("R", CultureInfo.InvariantCulture));
        return sign + exponent switch
        {
            < -6 or >= 21 => WithExponent(digits, exponent),
            < 0 => $"0.{new string('0', -exponent - 1)}{digits}",
            _ when digits.Length <= exponent + 1 => digits.PadRight(exponent + 1, '0'),
            _ => $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}",
        };
    }

    private static string WithExponent(string digits, int exponent)
    {
        string fraction = digits.Length > 1 ? $".{digits[1..]}" : "";
        string power = exponent.ToString("+00;-0", CultureInfo.InvariantCulture);
        return $"{digits[..1]}{fraction}e{power}";
    }

    /// <summary>The significant digits, and the power of ten of the first one.</summary>
    /// <param name="shortest">As 1234.5, 0.00012 or 1.2E-07.</param>
    private static (string Digits, int Exponent) Split(string shortest)
    {
        int e = shortest.IndexOf('E');
        string mantissa = e < 0 ? shortest : shortest[..e];
        int power = e < 0 ? 0 : int.Parse(shortest.AsSpan(e + 1), provider: CultureInfo.InvariantCulture);
        int point = mantissa.IndexOf('.');
        int whole = point < 0 ? mantissa.Length : point;
        int first = mantissa.AsSpan().IndexOfAnyInRange('1', '9');
        return (
            mantissa.Replace(".", "", StringComparison.Ordinal).Trim('0'),
            power + whole - first - (first > whole ? 0 : 1));
    }
}

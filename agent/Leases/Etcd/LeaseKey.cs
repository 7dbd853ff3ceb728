using System.Globalization;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// The last part of a lease's key: <c>10.5.52.0-24</c>, dual <c>10.5.52.0-24&amp;fd00:12:13::-56</c>. Upstream has no
/// key for a lease without IPv4, so that <c>0.0.0.0-0&amp;…</c>, which it can read, stands for one.
/// </summary>
internal static class LeaseKey
{
    private static readonly IpPrefix s_noIPv4 = new(IpAddr.Any4, 0);

    internal static string Format(SubnetPair pair)
    {
        IpPrefix ipv4 = pair.Subnet.IsNone ? s_noIPv4 : pair.Subnet;
        return pair.IPv6Subnet.IsNone ? Format(ipv4) : $"{Format(ipv4)}&{Format(pair.IPv6Subnet)}";
    }

    internal static bool TryParse(string text, out SubnetPair pair)
    {
        int and = text.IndexOf('&');
        string ipv4Text = and < 0 ? text : text[..and];
        IpPrefix ipv6 = default;
        if (!TryParsePrefix(ipv4Text, isIPv6: false, out IpPrefix ipv4)
            || (and >= 0 && !TryParsePrefix(text[(and + 1)..], isIPv6: true, out ipv6)))
        {
            pair = default;
            return false;
        }

        pair = new SubnetPair(ipv4 == s_noIPv4 ? default : ipv4, ipv6);
        return !pair.IsNone;
    }

    private static string Format(IpPrefix prefix) => $"{prefix.Address}-{prefix.Length}";

    private static bool TryParsePrefix(string text, bool isIPv6, out IpPrefix prefix)
    {
        int dash = text.IndexOf('-');
        if (dash >= 0
            && !text.AsSpan(0, dash).ContainsAnyExcept(isIPv6 ? "0123456789abcdef:" : "0123456789.")
            && IpAddr.TryParse(text.AsSpan(0, dash), out IpAddr address) && address.Is6 == isIPv6
            && int.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            && length <= address.BitLength)
        {
            prefix = new IpPrefix(address, length).Masked;
            return true;
        }

        prefix = default;
        return false;
    }
}

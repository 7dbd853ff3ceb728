using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Interfaces;

/// <summary>The interface towards the other nodes, and the addresses of this node on it.</summary>
/// <param name="Mtu">Bytes, never 0.</param>
/// <param name="Address">The source of tunnels, an address of the interface; none: IPv4 is off.</param>
/// <param name="AddressV6">Its IPv6 twin.</param>
/// <param name="PublicIP">Where peers reach this node, which may be an address of a NAT; none: IPv4 is off.</param>
/// <param name="PublicIPv6">Its IPv6 twin.</param>
/// <param name="Reason">Why this one, for the log: <c>the default route goes through it</c>.</param>
internal sealed record ExternalInterface(
    int Index,
    string Name,
    uint Mtu,
    IpAddr Address,
    IpAddr AddressV6,
    IpAddr PublicIP,
    IpAddr PublicIPv6,
    string Reason)
{
    /// <summary>One line for the log.</summary>
    public override string ToString()
    {
        string addresses = Join(" and ", Address, AddressV6);
        string published = Join(" and ", PublicIP, PublicIPv6);
        string publishing = published == addresses ? "" : $", published as {published}";
        return $"{Name} (MTU {Mtu}) with {addresses}{publishing}: {Reason}";
    }

    private static string Join(string separator, params ReadOnlySpan<IpAddr> addresses)
    {
        List<string> texts = [];
        foreach (IpAddr address in addresses)
        {
            if (!address.IsNone)
            {
                texts.Add(address.ToString());
            }
        }

        return string.Join(separator, texts);
    }
}

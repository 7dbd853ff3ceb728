using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Attachments;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>
/// The rules of upstream's iptables backend, chain and comment included, so that its plugins find and remove ours, and
/// we theirs. They are the container's, whatever the interface. Pure: text for iptables-restore.
/// </summary>
internal sealed class IptablesRules
{
    internal const string Table = "nat";
    internal const string PostRouting = "POSTROUTING";

    private const string ChainPrefix = "CNI-";
    private const int HashDigits = 24;    // a chain's name has 28 characters at the most

    private readonly string _comment;

    internal IptablesRules(string network, Attachment attachment)
    {
        Chain = ChainPrefix + Sha512.HexPrefix(network + attachment.ContainerId, HashDigits);
        _comment = $"-m comment --comment \"name: \\\"{network}\\\" id: \\\"{attachment.ContainerId}\\\"\"";
    }

    /// <summary>Of the container: packets from its addresses go there.</summary>
    internal string Chain { get; }

    /// <summary>Makes the chain, empty if it was there, fills it and leads to it; all at once.</summary>
    /// <param name="addresses">The pod's of one family, each with the prefix of its subnet; at least one.</param>
    internal string ComposeAddition(IReadOnlyList<IpPrefix> addresses)
    {
        StringBuilder script = new($"*{Table}\n:{Chain} - [0:0]\n");
        foreach (IpPrefix address in addresses)
        {
            script.Append($"-A {Chain} -d {address.Masked} {_comment} -j ACCEPT\n");
        }

        string multicast = addresses[0].Is6 ? "ff00::/8" : "224.0.0.0/4";
        script.Append($"-A {Chain} ! -d {multicast} {_comment} -j MASQUERADE\n");
        foreach (IpPrefix address in addresses)
        {
            script.Append($"-A {PostRouting} -s {IpPrefix.Host(address.Address)} {_comment} -j {Chain}\n");
        }

        return script.Append("COMMIT\n").ToString();
    }

    /// <summary>Takes the chain away and all that leads to it.</summary>
    /// <param name="listing">Of <c>iptables -S POSTROUTING</c>.</param>
    internal string ComposeRemoval(string listing)
    {
        StringBuilder script = new($"*{Table}\n");
        foreach (string rule in listing.Split('\n'))
        {
            if (rule.StartsWith($"-A {PostRouting} ", StringComparison.Ordinal)
                && rule.TrimEnd().EndsWith($" -j {Chain}", StringComparison.Ordinal))
            {
                script.Append("-D").Append(rule, 2, rule.Length - 2).Append('\n');
            }
        }

        return script.Append($"-F {Chain}\n-X {Chain}\nCOMMIT\n").ToString();
    }
}

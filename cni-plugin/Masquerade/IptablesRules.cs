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

    private const string CommentEnd = "\\\"\"";

    private readonly string _comment;

    internal IptablesRules(string network, Attachment attachment)
    {
        Chain = ChainOf(network, attachment.ContainerId);
        _comment = $"-m comment {CommentStart(network)}{attachment.ContainerId}{CommentEnd}";
    }

    /// <summary>Of the container: packets from its addresses go there.</summary>
    internal string Chain { get; }

    /// <summary>Makes the chain, empty if it was there, fills it and leads to it; all at once.</summary>
    /// <param name="addresses">The pod's of one family, each with the prefix of its subnet; at least one.</param>
    internal string ComposeAddition(IReadOnlyList<IpPrefix> addresses)
    {
        StringBuilder script = new($"*{Table}\n:{Chain} - [0:0]\n");
        foreach (string rule in RulesOf(addresses))
        {
            script.Append(rule).Append('\n');
        }

        return script.Append("COMMIT\n").ToString();
    }

    /// <summary>The first of the rules that is not there; null: none.</summary>
    /// <inheritdoc cref="ComposeAddition" path="/param"/>
    /// <param name="listing">Of <c>iptables -S</c>: the chain and POSTROUTING.</param>
    internal string? FindMissing(IReadOnlyList<IpPrefix> addresses, string listing)
    {
        HashSet<string> found = [.. listing.Split('\n')];
        foreach (string rule in RulesOf(addresses))
        {
            if (!found.Contains(rule))
            {
                return rule;
            }
        }

        return null;
    }

    private List<string> RulesOf(IReadOnlyList<IpPrefix> addresses)
    {
        List<string> rules = [];
        foreach (IpPrefix address in addresses)
        {
            rules.Add($"-A {Chain} -d {address.Masked} {_comment} -j ACCEPT");
        }

        string multicast = addresses[0].Is6 ? "ff00::/8" : "224.0.0.0/4";
        rules.Add($"-A {Chain} ! -d {multicast} {_comment} -j MASQUERADE");
        foreach (IpPrefix address in addresses)
        {
            rules.Add($"-A {PostRouting} -s {IpPrefix.Host(address.Address)} {_comment} -j {Chain}");
        }

        return rules;
    }

    /// <summary>Takes the chain away and all that leads to it.</summary>
    /// <param name="listing">Of <c>iptables -S POSTROUTING</c>.</param>
    internal string ComposeRemoval(string listing) => ComposeRemoval(listing, [Chain]);

    /// <summary>Takes the chains of a network away but those of some containers.</summary>
    /// <inheritdoc cref="ComposeRemoval(string)" path="/param"/>
    /// <returns>Null: there are none.</returns>
    internal static string? ComposeCollection(string listing, string network, IReadOnlySet<string> containerIds)
    {
        HashSet<string> chains = [];
        string start = CommentStart(network);
        foreach (string rule in listing.Split('\n'))
        {
            int at = rule.IndexOf(start, StringComparison.Ordinal) + start.Length;
            int end = at < start.Length ? -1 : rule.IndexOf(CommentEnd, at, StringComparison.Ordinal);
            if (end >= 0 && !containerIds.Contains(rule[at..end]))
            {
                // What only bears the name leads elsewhere, and is not found below.
                _ = chains.Add(ChainOf(network, rule[at..end]));
            }
        }

        chains.RemoveWhere(chain => !listing.Contains($" -j {chain}\n", StringComparison.Ordinal));
        return chains.Count == 0 ? null : ComposeRemoval(listing, chains);
    }

    private static string ComposeRemoval(string listing, IReadOnlyCollection<string> chains)
    {
        StringBuilder script = new($"*{Table}\n");
        foreach (string rule in listing.Split('\n'))
        {
            if (rule.StartsWith($"-A {PostRouting} ", StringComparison.Ordinal)
                && chains.Contains(rule[(rule.LastIndexOf(' ') + 1)..]))
            {
                script.Append("-D").Append(rule, 2, rule.Length - 2).Append('\n');
            }
        }

        foreach (string chain in chains)
        {
            script.Append($"-F {chain}\n-X {chain}\n");
        }

        return script.Append("COMMIT\n").ToString();
    }

    private static string ChainOf(string network, string containerId) =>
        ChainPrefix + Sha512.HexPrefix(network + containerId, HashDigits);

    private static string CommentStart(string network) => $"--comment \"name: \\\"{network}\\\" id: \\\"";
}

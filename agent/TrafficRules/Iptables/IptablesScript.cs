using System.Text;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// What <c>iptables-restore --noflush</c> is to do: one transaction a table, which touches nothing but our chain and
/// the rules that lead to it. To declare a chain empties it, within the transaction. Pure.
/// </summary>
internal static class IptablesScript
{
    /// <summary>Appends what makes a place right.</summary>
    /// <param name="wanted">The chain's rules, rendered; null: neither chain nor jump shall be there.</param>
    /// <returns>False: it is right, and nothing was appended.</returns>
    internal static bool Append(
        StringBuilder script, IptablesPlace place, IReadOnlyList<string>? wanted, IptablesListing found)
    {
        List<string> lines = wanted is null ? Removal(place, found) : Replacement(place, wanted, found);
        if (lines.Count == 0)
        {
            return false;
        }

        script.Append('*').Append(place.Table).Append('\n');
        foreach (string line in lines)
        {
            script.Append(line).Append('\n');
        }

        script.Append("COMMIT\n");
        return true;
    }

    /// <summary>The listing that a right place has.</summary>
    internal static IptablesListing Right(IptablesPlace place, IReadOnlyList<string>? wanted) => wanted is null
        ? new IptablesListing(false, [], [], [])
        : new IptablesListing(true, wanted, [IptablesRules.Jump(place.Chain, place.Comment)], []);

    private static List<string> Replacement(
        IptablesPlace place, IReadOnlyList<string> wanted, IptablesListing found)
    {
        IptablesListing right = Right(place, wanted);
        List<string> lines = [];
        if ((found with { Jumps = [], Strays = [] }).Canonical != (right with { Jumps = [] }).Canonical)
        {
            lines.Add($":{place.Chain} - [0:0]");
            lines.AddRange(wanted.Select(rule => $"-A {place.Chain} {rule}"));
        }

        // The jump stays where it is; the last one, if there are several: a deletion takes the first that is equal.
        string jump = right.Jumps[0];
        string canonical = IptablesText.Canonical(jump);
        int kept = -1;
        for (int i = 0; i < found.Jumps.Count; i++)
        {
            kept = IptablesText.Canonical(found.Jumps[i]) == canonical ? i : kept;
        }

        lines.AddRange(found.Jumps.Where((_, i) => i != kept).Select(rule => $"-D {place.Hook} {rule}"));
        if (kept < 0)
        {
            lines.Add($"-A {place.Hook} {jump}");
        }

        lines.AddRange(found.Strays.Select(rule => $"-D {place.Hook} {rule}"));
        return lines;
    }

    private static List<string> Removal(IptablesPlace place, IptablesListing found)
    {
        List<string> lines = [.. found.Jumps.Concat(found.Strays).Select(rule => $"-D {place.Hook} {rule}")];
        if (found.HasChain)
        {
            lines.Add($"-F {place.Chain}");
            lines.Add($"-X {place.Chain}");
        }

        return lines;
    }
}

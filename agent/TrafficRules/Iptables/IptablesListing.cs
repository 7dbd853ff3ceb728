using System.Text;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>What <c>iptables-save</c> says about one place of ours.</summary>
/// <param name="HasChain">Is the chain there?</param>
/// <param name="Rules">Of the chain, in order, without <c>-A CHAIN</c>.</param>
/// <param name="Jumps">Rules of the hook that lead to the chain, in order, without <c>-A HOOK</c>.</param>
/// <param name="Strays">
/// Rules of the hook itself with our comment: made by flannel 0.20 and earlier, which had no chain.
/// </param>
internal sealed record IptablesListing(
    bool HasChain, IReadOnlyList<string> Rules, IReadOnlyList<string> Jumps, IReadOnlyList<string> Strays)
{
    /// <summary>A text that two listings share when they say the same about us.</summary>
    public string Canonical => string.Join(
        '\n',
        [
            HasChain ? "chain" : "no chain",
            .. Rules.Select(static rule => $"rule {IptablesText.Canonical(rule)}"),
            .. Jumps.Select(static jump => $"jump {IptablesText.Canonical(jump)}"),
            .. Strays.Select(static stray => $"stray {IptablesText.Canonical(stray)}"),
        ]);

    /// <summary>
    /// The listings of some places, in their order. Of foreign rules nothing is kept, not even for a moment.
    /// </summary>
    /// <param name="output">Of <c>iptables-save</c>, all tables.</param>
    internal static IptablesListing[] Read(ReadOnlySpan<byte> output, IReadOnlyList<IptablesPlace> places)
    {
        PlaceReader[] readers = [.. places.Select(static place => new PlaceReader(place))];
        string table = "";
        foreach (Range range in output.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = output[range];
            if (line.StartsWith("*"u8))
            {
                table = Encoding.UTF8.GetString(line[1..]).Trim();
            }
            else if (line.IndexOf("FLANNEL-"u8) >= 0 || line.IndexOf("flanneld "u8) >= 0)
            {
                string text = Encoding.UTF8.GetString(line).Trim();
                foreach (PlaceReader reader in readers)
                {
                    reader.Add(table, text);
                }
            }
        }

        return [.. readers.Select(static reader => reader.Result)];
    }

    private sealed class PlaceReader(IptablesPlace place)
    {
        private readonly List<string> _rules = [];
        private readonly List<string> _jumps = [];
        private readonly List<string> _strays = [];
        private bool _hasChain;

        internal IptablesListing Result => new(_hasChain, _rules, _jumps, _strays);

        internal void Add(string table, string line)
        {
            if (table != place.Table)
            {
                return;
            }

            if (line.StartsWith($":{place.Chain} ", StringComparison.Ordinal))
            {
                _hasChain = true;
            }
            else if (RuleOf(place.Chain, line) is { } rule)
            {
                _rules.Add(rule);
            }
            else if (RuleOf(place.Hook, line) is { } hooked)
            {
                string target = IptablesText.ValueOf(hooked, "-j") ?? IptablesText.ValueOf(hooked, "-g") ?? "";
                if (target == place.Chain)
                {
                    _jumps.Add(hooked);
                }
                else if (place.TidiesHook
                    && !target.StartsWith("FLANNEL-", StringComparison.Ordinal)
                    && IptablesText.ValueOf(hooked, "--comment") == place.Comment)
                {
                    _strays.Add(hooked);
                }
            }
        }

        private static string? RuleOf(string chain, string line)
        {
            string start = $"-A {chain} ";
            return line.StartsWith(start, StringComparison.Ordinal) ? line[start.Length..] : null;
        }
    }
}

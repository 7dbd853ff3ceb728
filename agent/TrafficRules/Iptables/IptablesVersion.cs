using System.Globalization;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>What <c>iptables --version</c> says: <c>iptables v1.8.9 (nf_tables)</c>.</summary>
/// <param name="IsNft">It keeps its rules in nftables; else where Linux always had them.</param>
internal sealed record IptablesVersion(Version Number, bool IsNft)
{
    /// <summary>
    /// The lock is waited for by iptables-restore itself, and MASQUERADE knows <c>--random-fully</c>.
    /// </summary>
    public bool IsModern => Number >= new Version(1, 6, 2);

    /// <summary>As iptables says it: <c>1.8.9 (nf_tables)</c>.</summary>
    public override string ToString() => $"{Number} ({(IsNft ? "nf_tables" : "legacy")})";

    /// <exception cref="RulesException">The text says no version.</exception>
    internal static IptablesVersion Parse(string text)
    {
        foreach (string word in text.Split([' ', '\n']))
        {
            if (word.StartsWith('v')
                && Version.TryParse(word.AsSpan(1), out Version? number))
            {
                return new IptablesVersion(number, text.Contains("(nf_tables)", StringComparison.Ordinal));
            }
        }

        throw new RulesException(string.Create(
            CultureInfo.InvariantCulture, $"the version of iptables cannot be read from \"{text.Trim()}\""));
    }
}

using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// Which variant of iptables this host uses. Where both are installed, as in an image, its own rules tell: kubelet's
/// hint chains first, then the number of rules. Rules in the other variant would work too, but whoever looks for them
/// would not find them, and two variants at once are hard to reason about.
/// </summary>
/// <param name="openNft">In the host's network namespace.</param>
/// <param name="listLegacyTables">
/// Of IPv6 or not: the kernel's list of the tables that legacy iptables used since this network namespace came up.
/// </param>
internal sealed class IptablesHost(IPrograms programs, Func<NftSocket> openNft, Func<bool, string> listLegacyTables)
{
    private static readonly string[] s_hints = ["KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY"];

    /// <summary>For <c>listLegacyTables</c>; empty where there is no such list, for then nobody used it.</summary>
    internal static string ListLegacyTables(bool is6)
    {
        string file = is6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names";
        return File.Exists(file) ? File.ReadAllText(file) : "";
    }

    /// <summary>Finds iptables or ip6tables.</summary>
    /// <exception cref="RulesException">Not installed.</exception>
    internal async Task<IptablesPrograms> ChooseAsync(bool is6, CancellationToken cancellationToken)
    {
        string name = is6 ? "ip6tables" : "iptables";
        IptablesPrograms? nft = await IptablesPrograms.FindAsync(programs, $"{name}-nft", cancellationToken);
        IptablesPrograms? legacy = await IptablesPrograms.FindAsync(programs, $"{name}-legacy", cancellationToken);
        bool? usesLegacy =
            nft is null || legacy is null ? null : await UsesLegacyAsync(legacy, cancellationToken);
        if (usesLegacy is bool isDecided)
        {
            return isDecided ? legacy! : nft!;    // both are there
        }

        IptablesPrograms? usual = await IptablesPrograms.FindAsync(programs, name, cancellationToken);
        return usual ?? nft ?? legacy ?? throw new RulesException(
            $"neither {name} nor {name}-nft nor {name}-legacy is in PATH, with its -save and -restore: "
            + "install iptables, or set EnableNFTables");
    }

    /// <summary>
    /// The variant that keeps its rules where Linux always had them; null: not installed, or never used here.
    /// </summary>
    internal async Task<IptablesPrograms?> FindUsedLegacyAsync(bool is6, CancellationToken cancellationToken)
    {
        if (!HasLegacyRules(is6))
        {
            return null;
        }

        string name = is6 ? "ip6tables" : "iptables";
        IptablesPrograms? legacy = await IptablesPrograms.FindAsync(programs, $"{name}-legacy", cancellationToken)
            ?? await IptablesPrograms.FindAsync(programs, name, cancellationToken);
        return legacy?.Version.IsNft == false ? legacy : null;
    }

    /// <summary>Null: no trace of either.</summary>
    private async Task<bool?> UsesLegacyAsync(IptablesPrograms legacy, CancellationToken cancellationToken)
    {
        int nftRules = CountNftRules(out bool hasNftHint);
        if (hasNftHint || !HasLegacyRules(is6: false))
        {
            return hasNftHint || nftRules > 0 ? false : null;
        }

        string rules = Encoding.UTF8.GetString(await legacy.SaveAsync(cancellationToken));
        if (s_hints.Any(hint => rules.Contains($":{hint} ", StringComparison.Ordinal)))
        {
            return true;
        }

        int legacyRules = rules.Split('\n').Count(static line => line.StartsWith('-'));
        return legacyRules == nftRules ? null : legacyRules > nftRules;
    }

    /// <summary>Of the tables that iptables keeps in nftables.</summary>
    private int CountNftRules(out bool hasHint)
    {
        hasHint = false;
        try
        {
            using NftSocket nft = openNft();
            hasHint = s_hints.Any(hint => nft.FindChain(NftFamily.NFPROTO_IPV4, "mangle", hint) is not null);
            return ((string[])["filter", "nat", "mangle"])
                .Sum(table => nft.ListRules(NftFamily.NFPROTO_IPV4, table).Count);
        }
        catch (LinuxException)
        {
            return 0;    // no nftables in this kernel
        }
    }

    private bool HasLegacyRules(bool is6) => listLegacyTables(is6).Trim().Length > 0;
}

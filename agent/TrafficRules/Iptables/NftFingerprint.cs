using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// The variant of iptables that keeps its rules in nftables: what is there can be seen without starting a program. A
/// rule's handle is never used again, so as long as the handles are the same, and in the same order, so are the rules.
/// </summary>
internal sealed class NftFingerprint(NftSocket nft, IReadOnlyList<IptablesPlace> places)
{
    /// <summary>Handles of our chains' rules and of the rules that lead to them, of one family.</summary>
    internal string Read(bool is6)
    {
        NftFamily family = is6 ? NftFamily.NFPROTO_IPV6 : NftFamily.NFPROTO_IPV4;
        List<string> handles = [];
        foreach (IptablesPlace place in places)
        {
            handles.Add(nft.FindTable(family, place.Table)?.Flags.ToString() ?? "none");
            handles.Add(nft.FindChain(family, place.Table, place.Chain) is null ? "none" : "chain");
            handles.AddRange(nft.ListRules(family, place.Table, place.Chain).Select(static rule => $"{rule.Handle}"));
            handles.Add("hook");
            handles.AddRange(nft.ListRules(family, place.Table, place.Hook)
                .Where(rule => rule.LeadsTo(place.Chain))
                .Select(static rule => $"{rule.Handle}"));
        }

        return string.Join(' ', handles);
    }
}

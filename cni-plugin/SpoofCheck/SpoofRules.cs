using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;
using FlannelCni.Plugin.Attachments;

namespace FlannelCni.Plugin.SpoofCheck;

/// <summary>
/// The rules of upstream's <c>macspoofchk</c>, name for name, so that its plugins find and remove ours, and we theirs.
/// Pure: no kernel.
/// </summary>
internal sealed class SpoofRules(Attachment attachment)
{
    internal const NftFamily Family = NftFamily.NFPROTO_BRIDGE;
    internal const string Table = "nat";
    internal const string PreRouting = "PREROUTING";

    private const string CommentPrefix = "macspoofchk-";
    private const string ChainPrefix = "cni-br-iface-";
    private const int Priority = -300;             // NF_BR_PRI_NAT_DST_BRIDGED, linux/netfilter_bridge.h
    private const int NameSize = 16;               // IFNAMSIZ
    private const uint SourceMacOffset = 6;        // struct ethhdr

    /// <summary>On each rule of this attachment.</summary>
    internal string Comment { get; } = $"{CommentPrefix}{attachment.ContainerId}-{attachment.IfName}";

    /// <summary>Where a packet from the pod's port goes.</summary>
    internal string PortChain { get; } = $"{ChainPrefix}{attachment.ContainerId}-{attachment.IfName}";

    /// <summary>Where that leads to: all but the pod's MAC is dropped.</summary>
    internal string MacChain => MacChainOf(PortChain);

    /// <summary>Makes chains and rules, whatever there was.</summary>
    /// <param name="left">Rules of <see cref="PreRouting"/> that an earlier ADD left.</param>
    internal NftTransaction Compose(string port, MacAddress mac, IReadOnlyList<NftRule> left)
    {
        NftTransaction transaction = new();
        transaction.AddTable(new NftTable(Family, Table));
        transaction.AddChain(new NftChain(Family, Table, PreRouting)
        {
            Base = new NftBase("filter", NftHook.NF_INET_PRE_ROUTING, Priority, NftVerdict.NF_ACCEPT),
        });
        transaction.AddChain(new NftChain(Family, Table, PortChain));
        transaction.AddChain(new NftChain(Family, Table, MacChain));
        foreach (NftRule rule in left)
        {
            transaction.DeleteRule(rule);
        }

        transaction.FlushChain(Family, Table, PortChain);
        transaction.FlushChain(Family, Table, MacChain);
        foreach ((string chain, NftExpression[] rule) in RulesOf(port, mac))
        {
            transaction.AddRule(Family, Table, chain, rule, Comment);
        }

        return transaction;
    }

    /// <summary>Where the table's rules are not those of <see cref="Compose"/>; null: nowhere.</summary>
    /// <param name="found">Those of all chains of the table.</param>
    internal string? FindFault(string port, MacAddress mac, IReadOnlyList<NftRule> found)
    {
        List<(string Chain, NftExpression[] Rule)> wanted = RulesOf(port, mac);
        bool isHooked = false;
        List<NftRule> own = [];
        foreach (NftRule rule in found)
        {
            isHooked |= rule.Chain == PreRouting && rule.Is(wanted[0].Rule);
            if (rule.Chain == PortChain || rule.Chain == MacChain)
            {
                own.Add(rule);
            }
        }

        if (!isHooked)
        {
            return $"no rule of the spoof check is about {port}";
        }

        // Of these two chains one rule more may be one that lets everything pass.
        foreach (string chain in (string[])[PortChain, MacChain])
        {
            List<NftRule> has = own.FindAll(rule => rule.Chain == chain);
            List<(string Chain, NftExpression[] Rule)> needs = wanted.FindAll(rule => rule.Chain == chain);
            bool isSame = has.Count == needs.Count;
            for (int i = 0; isSame && i < needs.Count; i++)
            {
                isSame = has[i].Is(needs[i].Rule);
            }

            if (!isSame)
            {
                return $"chain {chain} of the spoof check does not let just {mac} pass";
            }
        }

        return null;
    }

    /// <summary>Takes away rules about ports that are no more, and chains with rules that nothing leads to.</summary>
    /// <param name="found">The rules of all chains of the table.</param>
    /// <param name="kept">Attachments whose rules stay, whatever they are about.</param>
    /// <param name="isThere">Has the host a link of that name?</param>
    internal static NftTransaction ComposeCollection(
        IReadOnlyList<NftRule> found, IEnumerable<Attachment> kept, Predicate<string> isThere)
    {
        HashSet<string> comments = [];
        HashSet<string> used = [];
        foreach (Attachment attachment in kept)
        {
            SpoofRules rules = new(attachment);
            _ = comments.Add(rules.Comment);
            used.UnionWith([rules.PortChain, rules.MacChain]);
        }

        NftTransaction transaction = new();
        HashSet<string> all = [];
        foreach (NftRule rule in found)
        {
            bool isStale = rule.Chain == PreRouting && IsStale(rule, comments, isThere);
            if (isStale)
            {
                transaction.DeleteRule(rule);
            }

            all.UnionWith([rule.Chain, .. TargetsOf(rule)]);
            if (!isStale && !IsOfAttachment(rule.Chain))
            {
                used.UnionWith(TargetsOf(rule));
            }
        }

        foreach (NftRule rule in found)
        {
            // One step is all there is: from the port's chain to the MAC's.
            used.UnionWith(used.Contains(rule.Chain) ? TargetsOf(rule) : []);
        }

        // The shorter name's leads to the longer's.
        foreach (string chain in all.Where(IsOfAttachment).Except(used).OrderBy(static chain => chain.Length))
        {
            transaction.DeleteChain(Family, Table, chain);
        }

        return transaction;
    }

    private static bool IsStale(NftRule rule, HashSet<string> kept, Predicate<string> isThere) =>
        rule.Comment is { } comment
        && comment.StartsWith(CommentPrefix, StringComparison.Ordinal)
        && !kept.Contains(comment)
        && PortOf(rule) is { } port
        && !isThere(port);

    private static bool IsOfAttachment(string chain) => chain.StartsWith(ChainPrefix, StringComparison.Ordinal);

    private static IEnumerable<string> TargetsOf(NftRule rule) =>
        rule.Expressions.Select(static step => step.Chain).OfType<string>();

    private List<(string Chain, NftExpression[] Rule)> RulesOf(string port, MacAddress mac) =>
    [
        (PreRouting, [.. FromPort(port), NftExpression.Decide(NftVerdict.NFT_JUMP, PortChain)]),
        (PortChain, [NftExpression.Decide(NftVerdict.NFT_JUMP, MacChain)]),
        (MacChain, [.. FromMac(mac), NftExpression.Decide(NftVerdict.NFT_RETURN)]),
        (MacChain, [NftExpression.Decide(NftVerdict.NF_DROP)]),
    ];

    private static string MacChainOf(string portChain) => $"{portChain}-mac";

    /// <summary>The port that a rule is about; null: it is about something else.</summary>
    private static string? PortOf(NftRule rule)
    {
        if (rule.Expressions is not [{ Kind: NftExpressionKind.Meta, MetaKey: NftMetaKey.NFT_META_IIFNAME },
            { Kind: NftExpressionKind.Cmp, CmpOp: NftCmpOp.NFT_CMP_EQ, Data: NftData data }, ..])
        {
            return null;
        }

        Span<byte> name = stackalloc byte[NftData.MaxLength];
        int length = data.WriteTo(name);

        // One that does not end is the beginning of names: veth*.
        return name[..length].IndexOf((byte)0) is > 0 and int end ? Encoding.UTF8.GetString(name[..end]) : null;
    }

    private static NftExpression[] FromPort(string port)
    {
        Span<byte> name = stackalloc byte[NameSize];
        name.Clear();
        _ = Encoding.UTF8.GetBytes(port, name);
        return [NftExpression.LoadMeta(NftMetaKey.NFT_META_IIFNAME), NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, name)];
    }

    private static NftExpression[] FromMac(MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.ByteLength];
        mac.WriteTo(bytes);
        return
        [
            NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_LL_HEADER, SourceMacOffset, MacAddress.ByteLength),
            NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, bytes),
        ];
    }
}

using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;
using FlannelCni.Plugin.Attachments;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>
/// The rules of upstream's nftables backend, name for name, so that its plugins find and remove ours, and we theirs.
/// Pure: no kernel.
/// </summary>
internal sealed class MasqueradeRules
{
    internal const NftFamily Family = NftFamily.NFPROTO_INET;
    internal const string Table = "cni_plugins_masquerade";
    internal const string Checks = "masq_checks";
    internal const string PostRouting = "postrouting";

    private const int SourceNat = 100;        // NF_IP_PRI_NAT_SRC, linux/netfilter_ipv4.h
    private const int MaxCommentBytes = 128;
    private const int HashDigits = 16;

    private readonly string _comment;

    internal MasqueradeRules(string network, Attachment attachment)
    {
        Key = KeyOf(network) + Sha512.HexPrefix($"{attachment.IfName}:{attachment.ContainerId}", HashDigits);
        _comment = Limit(
            $"{Key}, net: {network}, if: {attachment.IfName}, id: {attachment.ContainerId}".Replace("\"", ""));
    }

    /// <summary>The beginning of the comments of this attachment's rules.</summary>
    internal string Key { get; }

    /// <summary>The beginning of the comments of all rules of a network.</summary>
    internal static string KeyOf(string network) => $"{Sha512.HexPrefix(network, HashDigits)}-";

    /// <summary>Adds the rules of a pod where all that they hang on is in place.</summary>
    internal NftTransaction Compose(IReadOnlyList<IpPrefix> addresses)
    {
        NftTransaction transaction = new();
        AddRules(transaction, addresses);
        return transaction;
    }

    /// <summary>As <see cref="Compose"/>, and makes the chains what they must be.</summary>
    internal NftTransaction ComposeAll(IReadOnlyList<IpPrefix> addresses)
    {
        NftTransaction transaction = new();
        transaction.AddTable(new NftTable(Family, Table));
        transaction.AddChain(new NftChain(Family, Table, Checks));
        transaction.AddChain(new NftChain(Family, Table, PostRouting)
        {
            Base = new NftBase("nat", NftHook.NF_INET_POST_ROUTING, SourceNat, NftVerdict.NF_ACCEPT),
        });
        transaction.FlushChain(Family, Table, PostRouting);
        foreach (NftExpression[] rule in WayToChecks())
        {
            transaction.AddRule(Family, Table, PostRouting, rule);
        }

        AddRules(transaction, addresses);
        return transaction;
    }

    /// <summary>Does the base chain lead to the checks, as it must?</summary>
    /// <param name="found">Its rules.</param>
    internal static bool IsInPlace(IReadOnlyList<NftRule> found)
    {
        NftExpression[][] wanted = WayToChecks();
        bool isSame = found.Count == wanted.Length;
        for (int i = 0; isSame && i < wanted.Length; i++)
        {
            isSame = found[i].Is(wanted[i]);
        }

        return isSame;
    }

    /// <summary>The first address that no rule masquerades, whoever made it; null: none.</summary>
    /// <param name="found">The rules of <see cref="Checks"/>.</param>
    internal static IpPrefix? FindMissing(IReadOnlyList<IpPrefix> addresses, IReadOnlyList<NftRule> found)
    {
        foreach (IpPrefix address in addresses)
        {
            NftExpression[] wanted = RuleOf(address);
            bool isThere = false;
            foreach (NftRule rule in found)
            {
                isThere |= rule.Is(wanted);
            }

            if (!isThere)
            {
                return address;
            }
        }

        return null;
    }

    private void AddRules(NftTransaction transaction, IReadOnlyList<IpPrefix> addresses)
    {
        foreach (IpPrefix address in addresses)
        {
            transaction.AddRule(Family, Table, Checks, RuleOf(address), _comment);
        }
    }

    private static NftExpression[] RuleOf(IpPrefix address)
    {
        List<NftExpression> rule = OfFamily(address);
        NftAddressMatch.Append(rule, IpPrefix.Host(address.Address), NftAddressSide.Source, isNegated: false);
        NftAddressMatch.Append(rule, address.Masked, NftAddressSide.Destination, isNegated: true);
        rule.Add(NftExpression.Masquerade(NftNatFlags.None));
        return rule.ToArray();
    }

    private static NftExpression[][] WayToChecks() =>
        [Multicast("224.0.0.0/4"), Multicast("ff00::/8"), [NftExpression.Decide(NftVerdict.NFT_GOTO, Checks)]];

    private static NftExpression[] Multicast(string prefix)
    {
        IpPrefix multicast = IpPrefix.Parse(prefix);
        List<NftExpression> rule = OfFamily(multicast);
        NftAddressMatch.Append(rule, multicast, NftAddressSide.Destination, isNegated: false);
        rule.Add(NftExpression.Decide(NftVerdict.NFT_RETURN));
        return rule.ToArray();
    }

    private static List<NftExpression> OfFamily(IpPrefix prefix) =>
    [
        NftExpression.LoadMeta(NftMetaKey.NFT_META_NFPROTO),
        NftExpression.Cmp(
            NftCmpOp.NFT_CMP_EQ, [(byte)(prefix.Is6 ? NftFamily.NFPROTO_IPV6 : NftFamily.NFPROTO_IPV4)]),
    ];

    private static string Limit(string comment)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(comment);
        return bytes.Length <= MaxCommentBytes ? comment : Encoding.UTF8.GetString(bytes, 0, MaxCommentBytes);
    }
}

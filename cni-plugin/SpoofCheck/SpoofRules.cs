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

    private const int Priority = -300;             // NF_BR_PRI_NAT_DST_BRIDGED, linux/netfilter_bridge.h
    private const int NameSize = 16;               // IFNAMSIZ
    private const uint SourceMacOffset = 6;        // struct ethhdr

    /// <summary>On each rule of this attachment.</summary>
    internal string Comment { get; } = $"macspoofchk-{attachment.ContainerId}-{attachment.IfName}";

    /// <summary>Where a packet from the pod's port goes.</summary>
    internal string PortChain { get; } = $"cni-br-iface-{attachment.ContainerId}-{attachment.IfName}";

    /// <summary>Where that leads to: all but the pod's MAC is dropped.</summary>
    internal string MacChain => $"{PortChain}-mac";

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
        Add(transaction, PreRouting, [.. FromPort(port), NftExpression.Decide(NftVerdict.NFT_JUMP, PortChain)]);
        Add(transaction, PortChain, [NftExpression.Decide(NftVerdict.NFT_JUMP, MacChain)]);
        Add(transaction, MacChain, [.. FromMac(mac), NftExpression.Decide(NftVerdict.NFT_RETURN)]);
        Add(transaction, MacChain, [NftExpression.Decide(NftVerdict.NF_DROP)]);
        return transaction;
    }

    private void Add(NftTransaction transaction, string chain, ReadOnlySpan<NftExpression> rule) =>
        transaction.AddRule(Family, Table, chain, rule, Comment);

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

using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.UnitTests.Plugin.SpoofCheck;

/// <summary>Which rules are stale, and which are not as they were, by a listing of the kernel's.</summary>
public sealed class SpoofRulesTests
{
    private const string Mac = "0e:00:00:00:00:01";

    private static readonly Attachment s_pod = new("1234", "eth0", "");

    private readonly SpoofRules _rules = new(s_pod);
    private ulong _handle;

    [Fact]
    public void What_was_made_is_right() => Assert.Null(FindFault(Whole("veth1")));

    [Fact]
    public void Others_rules_beside_it_do_no_harm() =>
        Assert.Null(FindFault([Rule("PREROUTING", "other"), .. Whole("veth1"), Rule("OUTPUT", "other")]));

    [Theory]
    [InlineData(0, "no rule of the spoof check is about veth1")]
    [InlineData(1, "chain cni-br-iface-1234-eth0 of the spoof check does not let just 0e:00:00:00:00:01 pass")]
    [InlineData(2, "chain cni-br-iface-1234-eth0-mac of the spoof check does not let just 0e:00:00:00:00:01 pass")]
    [InlineData(3, "chain cni-br-iface-1234-eth0-mac of the spoof check does not let just 0e:00:00:00:00:01 pass")]
    public void A_rule_that_is_missing_is_named(int which, string expected) =>
        Assert.Equal(expected, FindFault([.. Whole("veth1").Where((_, at) => at != which)]));

    [Fact]
    public void A_rule_more_that_lets_all_pass_is_a_fault() =>
        Assert.NotNull(FindFault([Rule("cni-br-iface-1234-eth0-mac", "accept"), .. Whole("veth1")]));

    [Fact]
    public void Rules_about_a_former_port_are_not_those_of_this_one() =>
        Assert.Equal("no rule of the spoof check is about veth1", FindFault(Whole("veth0")));

    [Fact]
    public void A_collection_takes_what_is_about_ports_that_are_no_more()
    {
        List<NftRule> rules =
        [
            .. Whole("veth1"), .. Whole("vethgone", "gone"), .. Whole("vethlost", "valid"),
            Hook("vethalien", "alien", "of somebody else"), Hook("vethbare", "bare", comment: null),
        ];

        // The rule, and both of its chains.
        Assert.Equal(3, Collect(rules, new Attachment("valid", "eth0", "")).Count);
    }

    [Fact]
    public void A_chain_that_a_living_port_leads_to_stays() =>
        Assert.Equal(1, Collect([Hook("vethold", "1234", "macspoofchk-1234-eth0"), .. Whole("veth1")]).Count);

    [Fact]
    public void Chains_that_nothing_leads_to_go_unless_they_are_somebody_elses()
    {
        List<NftRule> rules = [.. Whole("veth1").Skip(1), Rule("somebody-elses", "accept")];

        Assert.Equal(2, Collect(rules).Count);
        Assert.Equal(0, Collect(rules, s_pod).Count);
        Assert.Equal(
            0,
            Collect([.. rules, Rule("OUTPUT", NftExpression.Decide(NftVerdict.NFT_JUMP, "cni-br-iface-1234-eth0"))])
                .Count);
    }

    [Fact]
    public void Names_that_begin_alike_are_no_port()
    {
        NftRule hook = Hook("veth1", "1234", "macspoofchk-1234-eth0");
        NftRule wildcard = hook with
        {
            Expressions =
            [
                hook.Expressions[0], NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, "veth"u8), .. hook.Expressions.Skip(2),
            ],
        };

        Assert.Equal(0, Collect([wildcard]).Count);
    }

    /// <summary>On a host with the port veth1.</summary>
    private static NftTransaction Collect(IReadOnlyList<NftRule> rules, params Attachment[] kept) =>
        SpoofRules.ComposeCollection(rules, kept, static port => port == "veth1");

    private string? FindFault(IReadOnlyList<NftRule> found) =>
        _rules.FindFault("veth1", MacAddress.Parse(Mac), found);

    private List<NftRule> Whole(string port, string containerId = "1234")
    {
        string chain = $"cni-br-iface-{containerId}-eth0";
        byte[] mac = new byte[MacAddress.ByteLength];
        MacAddress.Parse(Mac).WriteTo(mac);
        return
        [
            Hook(port, containerId, $"macspoofchk-{containerId}-eth0"),
            Rule(chain, NftExpression.Decide(NftVerdict.NFT_JUMP, $"{chain}-mac")),
            Rule(
                $"{chain}-mac",
                NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_LL_HEADER, 6, 6),
                NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, mac),
                NftExpression.Decide(NftVerdict.NFT_RETURN)),
            Rule($"{chain}-mac", NftExpression.Decide(NftVerdict.NF_DROP)),
        ];
    }

    private NftRule Hook(string port, string containerId, string? comment)
    {
        byte[] name = new byte[16];
        _ = Encoding.UTF8.GetBytes(port, name);
        return Rule(
            "PREROUTING",
            NftExpression.LoadMeta(NftMetaKey.NFT_META_IIFNAME),
            NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, name),
            NftExpression.Decide(NftVerdict.NFT_JUMP, $"cni-br-iface-{containerId}-eth0")) with
        { Comment = comment };
    }

    private NftRule Rule(string chain, string name) => Rule(chain, NftExpression.Other(name));

    private NftRule Rule(string chain, params NftExpression[] expressions) =>
        new(NftFamily.NFPROTO_BRIDGE, "nat", chain, ++_handle, [.. expressions]);
}

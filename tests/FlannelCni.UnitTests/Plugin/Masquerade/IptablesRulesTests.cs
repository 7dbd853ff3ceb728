using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Masquerade;

namespace FlannelCni.UnitTests.Plugin.Masquerade;

/// <summary>Rules that upstream's plugins look for, as iptables-restore takes them.</summary>
public sealed class IptablesRulesTests
{
    private const string Chain = "CNI-2bbe0c48b91a7d1b8a6753a8";
    private const string Comment = """-m comment --comment "name: \"test\" id: \"1234\"" """;

    private readonly IptablesRules _rules = new("test", new Attachment("1234", "eth0", ""));

    [Fact]
    public void A_chain_is_known_by_network_and_container() => Assert.Equal(Chain, _rules.Chain);

    [Fact]
    public void Only_what_leaves_the_subnet_is_masqueraded() => Assert.Equal(
        $"""
        *nat
        :{Chain} - [0:0]
        -A {Chain} -d 10.1.2.0/24 {Comment}-j ACCEPT
        -A {Chain} ! -d 224.0.0.0/4 {Comment}-j MASQUERADE
        -A POSTROUTING -s 10.1.2.3/32 {Comment}-j {Chain}
        COMMIT

        """,
        _rules.ComposeAddition([IpPrefix.Parse("10.1.2.3/24")]));

    [Fact]
    public void Every_subnet_is_spared_before_anything_is_masqueraded()
    {
        string script = _rules.ComposeAddition([IpPrefix.Parse("fd00::2/64"), IpPrefix.Parse("fd01::2/64")]);

        Assert.Equal(
            [
                $"-A {Chain} -d fd00::/64 {Comment}-j ACCEPT",
                $"-A {Chain} -d fd01::/64 {Comment}-j ACCEPT",
                $"-A {Chain} ! -d ff00::/8 {Comment}-j MASQUERADE",
                $"-A POSTROUTING -s fd00::2/128 {Comment}-j {Chain}",
                $"-A POSTROUTING -s fd01::2/128 {Comment}-j {Chain}",
            ],
            script.Split('\n').Where(static line => line.StartsWith('-')));
    }

    [Fact]
    public void The_first_rule_that_a_listing_has_not_is_named()
    {
        IpPrefix[] addresses = [IpPrefix.Parse("10.1.2.3/24"), IpPrefix.Parse("10.9.0.3/16")];

        // In upstream's order, which masquerades between the two.
        string[] rules =
        [
            $"-N {Chain}", $"-A {Chain} -d 10.1.2.0/24 {Comment}-j ACCEPT",
            $"-A {Chain} ! -d 224.0.0.0/4 {Comment}-j MASQUERADE", $"-A {Chain} -d 10.9.0.0/16 {Comment}-j ACCEPT",
            "-P POSTROUTING ACCEPT", $"-A POSTROUTING -s 10.1.2.3/32 {Comment}-j {Chain}",
            $"-A POSTROUTING -s 10.9.0.3/32 {Comment}-j {Chain}", "",
        ];

        Assert.Null(_rules.FindMissing(addresses, string.Join('\n', rules)));
        foreach (int i in (int[])[1, 2, 3, 5, 6])
        {
            IEnumerable<string> others = rules.Where((_, at) => at != i);
            Assert.Equal(rules[i], _rules.FindMissing(addresses, string.Join('\n', others)));
        }
    }

    [Fact]
    public void A_collection_takes_the_networks_chains_but_those_of_valid_containers()
    {
        string Rule(string network, string id, string? chain = null) =>
            $"-A POSTROUTING -s 10.1.2.3/32 -m comment --comment \"name: \\\"{network}\\\" id: \\\"{id}\\\"\" -j "
            + (chain ?? new IptablesRules(network, new Attachment(id, "eth0", "")).Chain);
        string[] rules =
        [
            "-P POSTROUTING ACCEPT", Rule("test", "1234"), Rule("test", "valid"), Rule("other", "1234"),
            Rule("test", "named", "MASQUERADE"), "",
        ];

        string? script = IptablesRules.ComposeCollection(
            string.Join('\n', rules), "test", new HashSet<string>(["valid"]));

        Assert.Equal($"*nat\n-D{Rule("test", "1234")[2..]}\n-F {Chain}\n-X {Chain}\nCOMMIT\n", script);
        Assert.Null(IptablesRules.ComposeCollection("", "test", new HashSet<string>()));
    }

    [Fact]
    public void A_removal_takes_every_rule_that_leads_to_the_chain_and_no_other()
    {
        string script = _rules.ComposeRemoval(
            $"""
            -P POSTROUTING ACCEPT
            -A POSTROUTING -s 10.1.2.3/32 {Comment}-j {Chain}
            -A POSTROUTING -s 10.1.2.4/32 {Comment}-j CNI-other
            -A POSTROUTING -s 10.1.2.3/32 -j {Chain}
            -A POSTROUTING -j MASQUERADE

            """);

        Assert.Equal(
            $"""
            *nat
            -D POSTROUTING -s 10.1.2.3/32 {Comment}-j {Chain}
            -D POSTROUTING -s 10.1.2.3/32 -j {Chain}
            -F {Chain}
            -X {Chain}
            COMMIT

            """,
            script);
    }
}

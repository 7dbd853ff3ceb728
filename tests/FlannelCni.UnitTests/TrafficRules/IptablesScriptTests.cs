using System.Text;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;

namespace FlannelCni.UnitTests.TrafficRules;

public sealed class IptablesScriptTests
{
    private const string Jump = "-m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG";

    private static readonly IptablesPlace s_place = IptablesPlace.All(new TrafficNames("/run/flannel/subnet.env"))[0];
    private static readonly string[] s_rules =
    [
        "-s 10.244.4.0/24 -d 10.244.0.0/16 -m comment --comment \"flanneld masq\" -j RETURN",
        "-s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully",
    ];

    [Fact]
    public void Nothing_there_the_chain_is_filled_and_then_reached()
    {
        Assert.Equal(
            $"""
            *nat
            :FLANNEL-POSTRTG - [0:0]
            -A FLANNEL-POSTRTG {s_rules[0]}
            -A FLANNEL-POSTRTG {s_rules[1]}
            -A POSTROUTING {Jump}
            COMMIT

            """,
            Script(s_rules, ""));
    }

    [Fact]
    public void Everything_there_nothing_is_done()
    {
        Assert.Equal("", Script(s_rules, Saved([Jump], s_rules)));
    }

    [Fact]
    public void What_upstream_left_is_taken_over_as_it_is()
    {
        // As iptables 1.6 prints it: the module of the comment first.
        string[] rules =
        [
            "-m comment --comment \"flanneld masq\" -s 10.244.4.0/24 -d 10.244.0.0/16 -j RETURN",
            "! -d 224.0.0.0/4 -s 10.244.0.0/16 -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully",
        ];

        Assert.Equal("", Script(s_rules, Saved([Jump], rules)));
    }

    [Fact]
    public void A_chain_that_is_not_right_is_replaced_and_the_jump_stays()
    {
        Assert.Equal(
            $"""
            *nat
            :FLANNEL-POSTRTG - [0:0]
            -A FLANNEL-POSTRTG {s_rules[0]}
            -A FLANNEL-POSTRTG {s_rules[1]}
            COMMIT

            """,
            Script(s_rules, Saved([Jump], [s_rules[1], s_rules[0]])));
    }

    [Fact]
    public void Jumps_too_many_or_of_another_form_are_deleted()
    {
        Assert.Equal(
            $"""
            *nat
            -D POSTROUTING {Jump}
            -D POSTROUTING -j FLANNEL-POSTRTG
            COMMIT

            """,
            Script(s_rules, Saved([Jump, "-j FLANNEL-POSTRTG", Jump], s_rules)));
    }

    [Fact]
    public void Rules_of_flannel_before_it_had_chains_go_in_the_same_transaction()
    {
        const string old = "-s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment \"flanneld masq\" -j RETURN";

        Assert.Equal($"*nat\n-D POSTROUTING {old}\nCOMMIT\n", Script(s_rules, Saved([old, Jump], s_rules)));
    }

    [Fact]
    public void What_is_not_wanted_is_removed_in_the_order_that_works()
    {
        Assert.Equal(
            $"*nat\n-D POSTROUTING {Jump}\n-F FLANNEL-POSTRTG\n-X FLANNEL-POSTRTG\nCOMMIT\n",
            Script(null, Saved([Jump], s_rules)));
        Assert.Equal("", Script(null, ""));
    }

    [Fact]
    public void Another_agents_chain_and_foreign_rules_are_not_ours()
    {
        string saved = """
            *filter
            :FLANNEL-POSTRTG - [0:0]
            -A FLANNEL-POSTRTG -j ACCEPT
            COMMIT
            *nat
            :FLANNEL-POSTRTG-5FD16D84 - [0:0]
            -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG-5FD16D84
            -A POSTROUTING -m comment --comment "not flanneld masq" -j MASQUERADE
            -A FLANNEL-POSTRTG-5FD16D84 -m comment --comment "flanneld masq" -j RETURN
            -A KUBE-SVC -m comment --comment "flanneld masq" -j RETURN
            COMMIT
            """;

        IptablesListing listing = IptablesListing.Read(Encoding.UTF8.GetBytes(saved), [s_place])[0];

        Assert.Equal("no chain", listing.Canonical);
    }

    [Theory]
    [InlineData("-s 10.0.0.0/8 -j RETURN", "-j RETURN -s 10.0.0.0/8")]
    [InlineData("-m comment --comment \"a b\" -j X", "--comment \"a b\" -j X")]
    [InlineData("! -d 1.2.3.4/32 -j X", "-j X ! -d 1.2.3.4/32")]
    [InlineData("--comment \"say \\\"hi\\\"\" -j X", "-j X --comment \"say \\\"hi\\\"\"")]
    public void Order_of_options_and_names_of_modules_do_not_matter(string left, string right)
    {
        Assert.Equal(IptablesText.Canonical(left), IptablesText.Canonical(right));
    }

    [Theory]
    [InlineData("! -s 10.0.0.0/8 -j X", "-s 10.0.0.0/8 -j X")]
    [InlineData("-s 10.0.0.0/8 -d 10.1.0.0/16 -j X", "-d 10.0.0.0/8 -s 10.1.0.0/16 -j X")]
    [InlineData("--comment \"a b\" -j X", "--comment a b -j X")]
    public void Rules_that_differ_are_told_apart(string left, string right)
    {
        Assert.NotEqual(IptablesText.Canonical(left), IptablesText.Canonical(right));
    }

    [Theory]
    [InlineData("iptables v1.8.9 (nf_tables)\n", "1.8.9 (nf_tables)", true)]
    [InlineData("iptables v1.8.13 (legacy)\n", "1.8.13 (legacy)", true)]
    [InlineData("ip6tables v1.6.2", "1.6.2 (legacy)", true)]
    [InlineData("iptables v1.6.1", "1.6.1 (legacy)", false)]
    [InlineData("iptables v1.4.21", "1.4.21 (legacy)", false)]
    public void The_version_says_what_iptables_can(string text, string shown, bool isModern)
    {
        IptablesVersion version = IptablesVersion.Parse(text);

        Assert.Equal(shown, version.ToString());
        Assert.Equal(isModern, version.IsModern);
    }

    [Fact]
    public void A_text_that_is_no_version_is_quoted()
    {
        RulesException e = Assert.Throws<RulesException>(() => IptablesVersion.Parse("busybox\n"));

        Assert.Equal("the version of iptables cannot be read from \"busybox\"", e.Message);
    }

    private static string Script(IReadOnlyList<string>? wanted, string saved)
    {
        StringBuilder script = new();
        IptablesListing found = IptablesListing.Read(Encoding.UTF8.GetBytes(saved), [s_place])[0];
        IptablesScript.Append(script, s_place, wanted, found);
        return script.ToString();
    }

    private static string Saved(string[] postrouting, string[] rules) => string.Join('\n', [
        "*nat",
        ":POSTROUTING ACCEPT [1:60]",
        ":FLANNEL-POSTRTG - [0:0]",
        "-A POSTROUTING -o docker0 -j MASQUERADE",
        .. postrouting.Select(rule => $"-A POSTROUTING {rule}"),
        .. rules.Select(rule => $"-A FLANNEL-POSTRTG {rule}"),
        "COMMIT",
    ]);
}

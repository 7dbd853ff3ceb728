using System.Globalization;
using FlannelCni.Agent.Options;
using FsCheck;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Options;

public sealed class GoArgumentsTests
{
    private static readonly string[] s_words =
    [
        "", "-", "--", "---", "=", "-=", "--=a", "-v", "--v=", "-iface", "--iface", "eth0", "--iface=eth0", "-ip-masq",
        "--ip-masq=false", "--ip-masq=x", "false", "-h", "--help", "--version", "@file", "[parse]", "-vip-masq", "/h",
        "--etcd-password", "--etcd-password=--version", "\0", "-iface:eth0", "--public-ip=10.1",
    ];

    [Fact]
    public void Whatever_the_words_are_there_are_options_or_a_reason()
    {
        Prop.ForAll(
            Gen.Elements(s_words).ArrayOf().ToArbitrary(),
            static words =>
            {
                using StringWriter stderr = new(CultureInfo.InvariantCulture);
                Dictionary<string, string> none = [];
                bool isRead = CommandLine.TryRead(
                    words, none, "v1", stderr, out AgentOptions? options, out int exitCode);
                return isRead ? options is not null && stderr.ToString().Length == 0
                    : stderr.ToString().Length > 0 && exitCode is 0 or 1;
            }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_text_is_a_value()
    {
        Prop.ForAll(
            ArbMap.Default.ArbFor<NonNull<string>>(),
            static text =>
            {
                using StringWriter stderr = new(CultureInfo.InvariantCulture);
                string[] words = ["--etcd-username", text.Get];
                Dictionary<string, string> none = [];
                bool isRead = CommandLine.TryRead(words, none, "v1", stderr, out AgentOptions? options, out _);
                return isRead && (options?.EtcdUsername ?? "") == text.Get;
            }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_colon_does_not_part_name_and_value()
    {
        GoArguments arguments = GoArguments.Read(["--iface:eth0"], new FlagTable().Find);

        Assert.Equal("--iface:eth0 is no flag of flanneld", arguments.Error);
    }

    [Fact]
    public void Help_before_a_mistake_is_help()
    {
        Assert.True(GoArguments.Read(["-h", "--nonsense"], new FlagTable().Find).WantsHelp);
        Assert.False(GoArguments.Read(["--nonsense", "-h"], new FlagTable().Find).WantsHelp);
    }
}

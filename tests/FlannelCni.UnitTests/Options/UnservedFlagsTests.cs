using System.Globalization;
using FlannelCni.Agent.Options;

namespace FlannelCni.UnitTests.Options;

public sealed class UnservedFlagsTests
{
    [Theory]
    [InlineData("--ip-blackhole-route", "--ip-blackhole-route")]
    [InlineData("--ip-blackhole-route=true", "--ip-blackhole-route")]
    [InlineData("--ip-blackhole-route=false", null)]
    [InlineData("--iface=eth0", null)]
    public void Only_what_asks_for_something_is_refused(string argument, string? flag)
    {
        AgentOptions options = Read([argument], []);

        Assert.Equal(
            flag is null ? null : $"not served by this version of flanneld: {flag}", UnservedFlags.Describe(options));
    }

    [Fact]
    public void Defaults_are_not_refused()
    {
        Assert.Null(UnservedFlags.Describe(Read([], [])));
    }

    [Fact]
    public void It_is_named_as_it_was_given()
    {
        AgentOptions options = Read([], new() { ["FLANNELD_IP_BLACKHOLE_ROUTE"] = "true" });

        Assert.Equal(
            "not served by this version of flanneld: FLANNELD_IP_BLACKHOLE_ROUTE", UnservedFlags.Describe(options));
    }

    private static AgentOptions Read(string[] arguments, Dictionary<string, string> environment)
    {
        using StringWriter stderr = new(CultureInfo.InvariantCulture);
        Assert.True(
            CommandLine.TryRead(arguments, environment, "dev", stderr, out AgentOptions? options, out _),
            stderr.ToString());
        return options;
    }
}

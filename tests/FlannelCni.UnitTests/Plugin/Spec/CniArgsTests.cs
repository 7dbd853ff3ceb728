using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>CNI_ARGS, of which runtimes send a lot and plugins know little.</summary>
public sealed class CniArgsTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("MAC=c2:11:22:33:44:55", "c2:11:22:33:44:55")]
    [InlineData("K8S_POD_NAME=a;IgnoreUnknown=1;MAC=c2-11-22-33-44-55", "c2-11-22-33-44-55")]
    [InlineData("IgnoreUnknown=TRUE;IP=10.0.0.2", null)]
    public void Known_keys_are_read_and_others_ignored_on_demand(string args, string? mac)
    {
        Assert.Equal(mac, CniArgs.Read(args).Mac);
    }

    [Theory]
    [InlineData("A=1;B=2", "ARGS: unknown args [\"A=1\" \"B=2\"]")]
    [InlineData("A=1;IgnoreUnknown=false", "ARGS: unknown args [\"A=1\"]")]
    [InlineData("A=1;", "ARGS: invalid pair \"\"")]
    [InlineData("A=1=2", "ARGS: invalid pair \"A=1=2\"")]
    [InlineData("mac=1", "ARGS: unknown args [\"mac=1\"]")]
    [InlineData(
        "IgnoreUnknown=maybe",
        "ARGS: error parsing value of pair \"IgnoreUnknown=maybe\": boolean unmarshal error: invalid input maybe")]
    public void What_is_wrong_is_named(string args, string message)
    {
        CniException e = Assert.Throws<CniException>(() => CniArgs.Read(args));

        Assert.Equal(message, e.Message);
    }
}

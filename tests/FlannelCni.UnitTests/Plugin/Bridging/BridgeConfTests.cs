using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Bridging;

/// <summary>The bridge's part of a configuration.</summary>
public sealed class BridgeConfTests
{
    [Fact]
    public void Nothing_said_is_upstreams_default()
    {
        BridgeConf conf = Read("{}");

        Assert.Equal(new BridgeConf { Dns = conf.Dns, Vlans = conf.Vlans }, conf);
        Assert.Equal("cni0", conf.GatewayDevice);
    }

    [Fact]
    public void Keys_match_in_any_case_and_the_default_gateway_makes_a_gateway()
    {
        BridgeConf conf = Read("""{"BRIDGE":"br1","isdefaultgateway":true,"MTU":1400,"ipam":{"type":"x"}}""");

        Assert.Equal("br1", conf.Bridge);
        Assert.True(conf.IsDefaultGateway);
        Assert.True(conf.IsGateway);
        Assert.Equal(1400u, conf.Mtu);
        Assert.Equal("x", conf.IpamType);
    }

    [Theory]
    [InlineData("""{"runtimeConfig":{"mac":"02:00:00:00:00:01"},"args":{"cni":{"mac":"02:00:00:00:00:02"}}}""", 1)]
    [InlineData("""{"RuntimeConfig":{"Mac":"02:00:00:00:00:01"}}""", 1)]
    [InlineData("""{"args":{"cni":{"mac":"0200.0000.0002"}}}""", 2)]
    [InlineData("{}", 3)]
    public void The_nearest_wish_for_a_MAC_counts(string config, int expected)
    {
        BridgeConf conf = Read(config, "MAC=02-00-00-00-00-03");

        Assert.Equal(MacAddress.Parse($"02:00:00:00:00:0{expected}"), conf.Mac);
    }

    [Theory]
    [InlineData("""{"mtu":"1450"}""", 999, "failed to load netconf: \"mtu\" is a string, a number is expected")]
    [InlineData(
        """{"isGateway":1}""", 999, "failed to load netconf: \"isGateway\" is a number, true or false is expected")]
    [InlineData(
        """{"hairpinMode":true,"promiscMode":true}""",
        999,
        "cannot set hairpin mode and promiscuous mode at the same time.")]
    [InlineData(
        """{"disableContainerInterface":true,"ipam":{"type":"x"}}""",
        999,
        "cannot use IPAM when DisableContainerInterface flag is set")]
    [InlineData(
        """{"runtimeConfig":{"mac":"nonsense"}}""", 999, "failed to make veth pair: invalid MAC address: \"nonsense\"")]
    [InlineData(
        """{"bridge":"a-long-name","vlan":4094,"isGateway":true,"ipam":{"type":"x"}}""",
        999,
        "the gateway of VLAN 4094 would be \"a-long-name.4094\", which is too long for an interface's name: "
            + "name the bridge shorter")]
    [InlineData("""{"mtu":67}""", 999, "failed to load netconf: \"mtu\" is 67, 68 to 65535 is expected")]
    [InlineData("""{"mtu":65536}""", 999, "failed to load netconf: \"mtu\" is 65536, 68 to 65535 is expected")]
    [InlineData(
        """{"bridge":"cni%d"}""",
        999,
        "failed to load netconf: \"bridge\" is \"cni%d\", which no interface can be called: 1 to 15 bytes are, "
            + "but blanks and / : %")]
    [InlineData("""{"ipMasqBackend":"pf"}""", 999, "unknown ipmasq backend \"pf\"")]
    public void What_cannot_be_done_is_refused(string config, int code, string message)
    {
        CniException e = Assert.Throws<CniException>(() => Read(config));

        Assert.Equal((CniErrorCode)code, e.Code);
        Assert.Equal(message, e.Message);
    }

    [Theory]
    [InlineData("br-0_é.x", true)]
    [InlineData("abcdefghijklmno", true)]
    [InlineData("abcdefghijklmnop", false)]
    [InlineData("éééééééé", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("a\\u0000b", false)]
    [InlineData("..", false)]
    public void A_bridge_has_a_name_that_a_link_can_have(string name, bool isFine)
    {
        Exception? refusal = Record.Exception(() => Read($$"""{"bridge":"{{name}}"}"""));

        Assert.Equal(isFine, refusal is null);
    }

    private static BridgeConf Read(string config, string args = "") =>
        BridgeConf.Read(JsonParser.ParseMap(Encoding.UTF8.GetBytes(config)), CniArgs.Read(args));
}

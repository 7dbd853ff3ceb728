using System.Text;
using FlannelCni.Contract;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Delegates;

/// <summary>What IPAM and the scratch file get, character by character.</summary>
public sealed class DelegateConfigTests
{
    private const string V4 = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n";
    private const string V4Twice = "FLANNEL_NETWORK=10.1.0.0/16,192.168.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n";
    private const string V6 = "FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00::1/64\n";

    [Theory]
    [InlineData(V4, """[[{"subnet":"10.1.17.0/24"}]]""", """[{"dst":"10.1.0.0/16"}]""")]
    [InlineData(V4Twice, """[[{"subnet":"10.1.17.0/24"}]]""", """[{"dst":"10.1.0.0/16"},{"dst":"192.168.0.0/16"}]""")]
    [InlineData(V6, """[[{"subnet":"fc00::/64"}]]""", """[{"dst":"fc00::/48"}]""")]
    [InlineData(
        V4 + V6,
        """[[{"subnet":"10.1.17.0/24"}],[{"subnet":"fc00::/64"}]]""",
        """[{"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}]""")]
    public void Families_and_networks_become_ranges_and_routes(string env, string ranges, string routes)
    {
        string rendered = Render("""{"name":"cni-flannel","type":"flannel"}""", env);

        Assert.Equal(
            Packed($$"""
                {"ipMasq":false,"ipam":{"ranges":{{ranges}},"routes":{{routes}},"type":"host-local"},
                "isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}
                """),
            rendered);
    }

    [Fact]
    public void The_usual_manifest_renders()
    {
        string rendered = Render(
            """
            {
              "name": "cbr0", "cniVersion": "0.3.1", "type": "flannel", "capabilities": { "portMappings": true },
              "delegate": { "hairpinMode": true, "isDefaultGateway": true }, "prevResult": {}, "dns": {}, "args": {}
            }
            """,
            V4);

        Assert.Equal(
            Packed("""
                {"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,
                "ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],"type":"host-local"},
                "isDefaultGateway":true,"isGateway":true,"mtu":1472,"name":"cbr0","type":"bridge"}
                """),
            rendered);
    }

    [Fact]
    public void What_the_user_says_of_the_delegate_stays()
    {
        string rendered = Render(
            """
            {
              "name": "n", "runtimeConfig": { "mac": "c2:11:22:33:44:55", "ips": [] },
              "delegate": {
                "type": "ipvlan", "master": "eth0", "mtu": 1400.0, "ipMasq": null, "cniVersion": "0.2.0",
                "runtimeConfig": { "lost": 1 }, "args": { "b": "<", "a": 1e2 }
              }
            }
            """,
            V4);

        Assert.Equal(
            Packed("""
                {"args":{"a":100,"b":"\u003c"},"cniVersion":"0.2.0","ipMasq":null,
                "ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],"type":"host-local"},
                "master":"eth0","mtu":1400,"name":"n","runtimeConfig":{"ips":[],"mac":"c2:11:22:33:44:55"},
                "type":"ipvlan"}
                """),
            rendered);
    }

    [Fact]
    public void What_the_user_says_of_IPAM_stays_but_the_ranges()
    {
        string rendered = Render(
            """
            {
              "name": "n",
              "ipam": {
                "type": "my-ipam", "ranges": [], "zzz": [1], "Type": "x",
                "routes": [
                  { "dst": "10.9.8.7/8", "unknown": 1 },
                  { "dst": "fd00::/8", "gw": "fc00::9", "table": 5, "priority": 1, "mtu": 2, "scope": 0 }
                ]
              }
            }
            """,
            V4 + V6);

        Assert.Contains(
            Packed("""
                "ipam":{"Type":"x","ranges":[[{"subnet":"10.1.17.0/24"}],[{"subnet":"fc00::/64"}]],
                "routes":[{"dst":"10.9.8.7/8"},
                {"dst":"fd00::/8","gw":"fc00::9","mtu":2,"priority":1,"table":5,"scope":0},
                {"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}],"type":"my-ipam","zzz":[1]}
                """),
            rendered,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("true", "false")]
    [InlineData("false", "true")]
    public void Who_masquerades_is_one_of_the_two(string env, string expected)
    {
        string rendered = Render("""{"name":"n"}""", V4 + $"FLANNEL_IPMASQ={env}\n");

        Assert.Contains($"\"ipMasq\":{expected},", rendered, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":5}""", "'delegate' dictionary, if present, must have (string) 'type' field")]
    [InlineData("""{"type":null}""", "'delegate' dictionary, if present, must have (string) 'type' field")]
    [InlineData("""{"name":"x"}""", "'delegate' dictionary must not have 'name' field, it'll be set by flannel")]
    [InlineData("""{"ipam":{}}""", "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel")]
    public void The_user_may_not_say_what_flannel_says(string users, string expected)
    {
        CniException e = Assert.Throws<CniException>(() => Render($$"""{"name":"n","delegate":{{users}}}""", V4));

        Assert.Equal(CniErrorCode.Internal, e.Code);
        Assert.Equal(expected, e.Message);
    }

    [Fact]
    public void A_route_that_is_none_is_refused()
    {
        CniException e = Assert.Throws<CniException>(
            () => Render("""{"name":"n","ipam":{"routes":[{"dst":"all"}]}}""", V4));

        Assert.Equal("failed to load the routes of 'ipam': invalid CIDR address: all", e.Message);
    }

    private static string Packed(string lines) => lines.Replace("\n", "", StringComparison.Ordinal);

    private static string Render(string conf, string env)
    {
        string defaults = "FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n";
        NetConf read = NetConf.Read(NetConf.ReadDocument(Encoding.UTF8.GetBytes(conf)));
        return Encoding.UTF8.GetString(
            JsonPrinter.Compact(DelegateConfig.Render(read, SubnetEnvFile.Parse(defaults + env, "subnet.env"))));
    }
}

using System.Text;
using System.Text.Json;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases;

public sealed class NetworkConfigReaderTests
{
    [Fact]
    public void The_least_config_is_a_network()
    {
        NetworkConfig config = Parse("""{"Network": "10.3.0.0/16"}""");

        Assert.Equal(IpPrefix.Parse("10.3.0.0/16"), config.Network);
        Assert.True(config.EnableIPv4);
        Assert.False(config.EnableIPv6);
        Assert.False(config.EnableNFTables);
        Assert.Equal("udp", config.BackendType);
        Assert.Equal(JsonValueKind.Undefined, config.Backend.ValueKind);
        Assert.Equal(default, config.Subnets);
    }

    [Fact]
    public void All_fields_are_read()
    {
        NetworkConfig config = Parse("""
            {
              "Network": "10.3.4.5/16", "IPv6Network": "fc00::1/48", "EnableIPv4": true, "EnableIPv6": true,
              "EnableNFTables": true, "SubnetLen": 28, "SubnetMin": "10.3.1.0", "SubnetMax": "10.3.9.0",
              "IPv6SubnetLen": 60, "IPv6SubnetMin": "fc00:0:0:10::", "IPv6SubnetMax": "fc00:0:0:ff0::",
              "Backend": {"Type": "VXLAN", "VNI": 1}
            }
            """);

        Assert.Equal(IpPrefix.Parse("10.3.0.0/16"), config.Network);
        Assert.Equal(IpPrefix.Parse("fc00::/48"), config.IPv6Network);
        Assert.True(config.EnableNFTables);
        Assert.Equal(new SubnetSettings(28, IpAddr.Parse("10.3.1.0"), IpAddr.Parse("10.3.9.0")), config.Subnets);
        Assert.Equal(
            new SubnetSettings(60, IpAddr.Parse("fc00:0:0:10::"), IpAddr.Parse("fc00:0:0:ff0::")), config.IPv6Subnets);
        Assert.Equal("vxlan", config.BackendType);
        Assert.Equal(1, config.Backend.GetProperty("VNI").GetInt32());
    }

    [Theory]
    [InlineData("""{"network": "10.1.0.0/16", "bAcKeNd": {"tYpE": "host-gw"}}""", "names in any case")]
    [InlineData("""{"Network": "10.9.0.0/16", "network": "10.1.0.0/16", "Backend": {"Type": "host-gw"}}""", "the last")]
    [InlineData("""{"Network": "10.1.0.0/16", "Network": null, "Backend": {"Type": "host-gw"}}""", "null is nothing")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": {"Type": "udp", "type": "host-gw"}}""", "in the backend too")]
    [InlineData("""{"Comment": [1], "Network": "10.1.0.0/16", "Backend": {"Type": "host-gw"}}""", "unknown names")]
    [InlineData(
        """{"Network": "10.1.0.0/16", "IPv6Network": "10.2.0.0/16", "Backend": {"Type": "host-gw"}}""", "IPv6 is off")]
    public void JSON_is_read_as_Go_reads_it(string json, string because)
    {
        NetworkConfig config = Parse(json);

        Assert.True(config.Network == IpPrefix.Parse("10.1.0.0/16") && config.BackendType == "host-gw", because);
    }

    [Fact]
    public void IPv6_only_has_no_IPv4_network()
    {
        NetworkConfig config = Parse(
            """{"EnableIPv4": false, "EnableIPv6": true, "Network": "10.1.0.0/16", "IPv6Network": "fd00::/56"}""");

        Assert.True(config.Network.IsNone);
        Assert.False(config.EnableIPv4);
        Assert.True(config.EnableIPv6);
    }

    [Fact]
    public void The_checks_of_subnets_are_left_to_etcds_manager()
    {
        NetworkConfig config = Parse("""{"Network": "10.1.0.0/16", "SubnetLen": 31, "SubnetMin": "192.0.2.1"}""");

        Assert.Equal(31u, config.Subnets.Length);
    }

    [Theory]
    [InlineData("", "net-conf.json is no JSON: ")]
    [InlineData("{", "net-conf.json is no JSON: ")]
    [InlineData("""{"Network": "10.1.0.0/16",}""", "net-conf.json is no JSON: ")]
    [InlineData("""["10.1.0.0/16"]""", "net-conf.json is a JSON array: give an object")]
    [InlineData("{}", "Network is missing, while EnableIPv4 is true: give it a value as \"10.244.0.0/16\"")]
    [InlineData("""{"Network": "0.0.0.0/0"}""", "Network is missing")]
    [InlineData("""{"Network": "10.1.0.0"}""", "Network is \"10.1.0.0\": give a range in CIDR form")]
    [InlineData("""{"Network": 10}""", "Network is 10: give a range in CIDR form")]
    [InlineData("""{"Network": "fd00::/56"}""", "Network is \"fd00::/56\": give an IPv4 range, and the IPv6 one")]
    [InlineData("""{"Network": "10.1.0.0/16", "EnableIPv6": true}""", "IPv6Network is missing, while EnableIPv6 is")]
    [InlineData(
        """{"Network": "10.1.0.0/16", "EnableIPv6": true, "IPv6Network": "::/0"}""", "IPv6Network is missing")]
    [InlineData(
        """{"Network": "10.1.0.0/16", "EnableIPv6": true, "IPv6Network": "10.2.0.0/16"}""",
        "IPv6Network \"10.2.0.0/16\" is IPv4")]
    [InlineData("""{"EnableIPv4": false}""", "EnableIPv4 and EnableIPv6 are both false")]
    [InlineData("""{"EnableIPv4": "true"}""", "EnableIPv4 is \"true\": give true or false, without quotes")]
    [InlineData("""{"SubnetLen": "24"}""", "SubnetLen is \"24\": give a prefix length as 24, without quotes")]
    [InlineData("""{"SubnetLen": -1}""", "SubnetLen is -1: give a prefix length")]
    [InlineData("""{"SubnetLen": 24.0}""", "SubnetLen is 24.0: give a prefix length")]
    [InlineData("""{"SubnetMin": "fd00::"}""", "SubnetMin is \"fd00::\": give an IPv4 address")]
    [InlineData("""{"IPv6SubnetMax": "10.0.0.0"}""", "IPv6SubnetMax is \"10.0.0.0\": give an IPv6 address")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": {}}""", "Backend has no Type: name one")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": {"Type": ""}}""", "Backend has no Type: name one")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": {"Type": 1}}""", "Backend.Type is a number: give a string")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": "vxlan"}""", "Backend is \"vxlan\": give an object")]
    [InlineData("""{"Network": "10.1.0.0/16", "Backend": null}""", "Backend is null: give an object")]
    [InlineData("""{"Network": "\ud800"}""", "net-conf.json holds a string that is no Unicode text")]
    public void A_mistake_is_named_and_so_is_its_remedy(string json, string message)
    {
        FormatException e = Assert.Throws<FormatException>(() => Parse(json));

        Assert.StartsWith(message, e.Message);
    }

    private static NetworkConfig Parse(string json) => NetworkConfigReader.Parse(Encoding.UTF8.GetBytes(json));
}

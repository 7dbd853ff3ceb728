using System.Text;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class LeaseValueTests
{
    private const string Minimal = """{"PublicIP":"1.2.3.4","PublicIPv6":null}""";

    private const string Vxlan =
        """{"PublicIP":"1.2.3.4","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0a:0b"}}""";

    private const string DualWireGuard =
        """{"PublicIP":"1.2.3.4","PublicIPv6":"fd00::1","BackendType":"wireguard","BackendData":"""
        + """{"PublicKey":"a+b/c="},"BackendV6Data":{"PublicKey":"a+b/c="}}""";

    private const string IPv6Only =
        """{"PublicIP":"0.0.0.0","PublicIPv6":"fd00::1","BackendType":"vxlan","BackendV6Data":{"VNI":1}}""";

    [Theory]
    [InlineData(Minimal)]
    [InlineData(Vxlan)]
    [InlineData(DualWireGuard)]
    [InlineData(IPv6Only)]
    public void What_upstream_writes_is_read_and_written_the_same(string json)
    {
        LeaseAttributes attributes = Read(json);

        Assert.Equal(json, Encoding.UTF8.GetString(LeaseValue.Write(attributes)));
    }

    [Fact]
    public void Fields_are_what_they_are_called()
    {
        LeaseAttributes attributes = Read(DualWireGuard);

        Assert.Equal(
            new LeaseAttributes(
                IpAddr.Parse("1.2.3.4"),
                IpAddr.Parse("fd00::1"),
                "wireguard",
                """{"PublicKey":"a+b/c="}""",
                """{"PublicKey":"a+b/c="}"""),
            attributes);
    }

    [Theory]
    [InlineData("""{"PublicIP": "1.2.3.4"}""", "written by hand")]
    [InlineData("""{"PublicIPv6": null, "publicip": "1.2.3.4", "Since": 5}""", "order, case, unknown names")]
    [InlineData("""{"PublicIP": "9.9.9.9", "PublicIP": "1.2.3.4", "BackendData": null}""", "twice, and null")]
    public void Any_readable_form_is_accepted(string json, string because)
    {
        Assert.True(Read(Minimal) == Read(json), because);
    }

    [Fact]
    public void The_address_of_an_IPv6_only_node_is_none_in_IPv4()
    {
        Assert.True(Read(IPv6Only).PublicIP.IsNone);
    }

    [Theory]
    [InlineData("", "it is not the JSON of a lease: ")]
    [InlineData("null", "it is not the JSON of a lease: ")]
    [InlineData("[]", "it is not the JSON of a lease: ")]
    [InlineData("""{"PublicIP":"1.2.3.4"} x""", "it is not the JSON of a lease: ")]
    [InlineData("""{"PublicIP":4}""", "it is not the JSON of a lease: ")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":4}""", "it is not the JSON of a lease: ")]
    [InlineData("{}", "it has neither PublicIP nor PublicIPv6")]
    [InlineData("""{"PublicIP":"0.0.0.0","PublicIPv6":null}""", "it has neither PublicIP nor PublicIPv6")]
    [InlineData("""{"PublicIP":"1.2.3"}""", "\"1.2.3\" is no IPv4 address")]
    [InlineData("""{"PublicIP":"fd00::1"}""", "\"fd00::1\" is no IPv4 address")]
    [InlineData("""{"PublicIPv6":"1.2.3.4"}""", "\"1.2.3.4\" is no IPv6 address")]
    public void Other_values_are_no_leases(string json, string message)
    {
        FormatException e = Assert.Throws<FormatException>(() => Read(json));

        Assert.StartsWith(message, e.Message);
    }

    [Theory]
    [InlineData("1.2.3.4", "", "1.2.3.4", "fd00::1", true)]
    [InlineData("1.2.3.4", "fd00::1", "1.2.3.5", "fd00::1", false)]
    [InlineData("", "fd00::1", "", "fd00::1", true)]
    [InlineData("", "fd00::1", "", "fd00::2", false)]
    [InlineData("1.2.3.4", "fd00::1", "", "fd00::1", false)]
    public void A_node_is_known_by_its_IPv4_address_or_else_by_IPv6(
        string ipv4, string ipv6, string nodeIPv4, string nodeIPv6, bool isSame)
    {
        Assert.Equal(isSame, Attributes(ipv4, ipv6).IsOfNode(Attributes(nodeIPv4, nodeIPv6)));
    }

    private static LeaseAttributes Attributes(string ipv4, string ipv6)
    {
        _ = IpAddr.TryParse(ipv4, out IpAddr publicIP);
        _ = IpAddr.TryParse(ipv6, out IpAddr publicIPv6);
        return new LeaseAttributes(publicIP, publicIPv6, "", null, null);
    }

    private static LeaseAttributes Read(string json) => LeaseValue.Read(Encoding.UTF8.GetBytes(json));
}

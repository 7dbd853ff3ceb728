using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class LeaseAnnotationsTests
{
    private const string Vtep = """{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}""";
    private const string VtepV6 = """{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:66"}""";
    private const string Key = """{"PublicKey":"q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=","Port":51820}""";

    // type, IPv4 data, IPv6 data, with IPv4, with IPv6: what upstream writes, "-" where it writes nothing.
    [Theory]
    [InlineData("vxlan", Vtep, null, true, false, Vtep, "192.0.2.1", "-", "-")]
    [InlineData("vxlan", Vtep, VtepV6, true, true, Vtep, "192.0.2.1", VtepV6, "2001:db8::1")]
    [InlineData("vxlan", null, VtepV6, false, true, "-", "-", VtepV6, "2001:db8::1")]
    [InlineData("host-gw", null, null, true, false, "null", "192.0.2.1", "-", "-")]
    [InlineData("host-gw", null, null, true, true, "null", "192.0.2.1", "null", "2001:db8::1")]
    [InlineData("host-gw", null, null, false, true, "null", "0.0.0.0", "null", "2001:db8::1")]
    [InlineData("wireguard", Key, Key, true, true, Key, "192.0.2.1", Key, "2001:db8::1")]
    [InlineData("extension", "\"some text\"", null, true, false, "\"some text\"", "192.0.2.1", "-", "-")]
    [InlineData("extension", null, null, true, true, "", "192.0.2.1", "null", "2001:db8::1")]
    [InlineData("ipip", null, null, true, false, "null", "192.0.2.1", "-", "-")]
    [InlineData("", null, null, true, false, "null", "192.0.2.1", "-", "-")]
    public void Every_backend_s_form_is_upstream_s_and_is_read_back(
        string type,
        string? data,
        string? dataV6,
        bool hasIPv4,
        bool hasIPv6,
        string expectedData,
        string expectedIP,
        string expectedV6Data,
        string expectedIPv6)
    {
        LeaseAttributes attributes = new(
            hasIPv4 ? IpAddr.Parse("192.0.2.1") : default,
            hasIPv6 ? IpAddr.Parse("2001:db8::1") : default,
            type,
            data,
            dataV6);

        NodeAnnotations annotations = LeaseAnnotations.Compose(attributes, NodeAnnotations.None);

        Assert.Equal(("true", type), (annotations.KubeSubnetManager, annotations.BackendType));
        Assert.Equal((expectedData, expectedIP), (annotations.BackendData ?? "-", annotations.PublicIP ?? "-"));
        Assert.Equal((expectedV6Data, expectedIPv6), (annotations.BackendV6Data ?? "-", annotations.PublicIPv6 ?? "-"));
        Assert.True(LeaseAnnotations.TryRead(
            annotations, Network(hasIPv4, hasIPv6), Nodes.Names, out LeaseAttributes? read, out _));
        Assert.Equal(attributes, read);
    }

    [Theory]
    [InlineData("192.0.2.1", "x", true)]
    [InlineData("x", "2001:db8::1", false)]
    public void A_family_that_is_off_may_have_what_cannot_be_read(string publicIP, string publicIPv6, bool hasIPv4)
    {
        NodeAnnotations annotations = new()
        {
            PublicIP = publicIP,
            PublicIPv6 = publicIPv6,
            BackendData = Vtep,
            BackendV6Data = VtepV6,
        };

        Assert.True(LeaseAnnotations.TryRead(
            annotations, Network(hasIPv4, !hasIPv4), Nodes.Names, out LeaseAttributes? read, out _));

        Assert.Equal(
            hasIPv4
                ? new LeaseAttributes(IpAddr.Parse("192.0.2.1"), default, "", Vtep, null)
                : new LeaseAttributes(default, IpAddr.Parse("2001:db8::1"), "", null, VtepV6),
            read);
    }

    [Fact]
    public void An_IPv4_address_in_IPv6_s_form_is_one_as_upstream_reads_it()
    {
        NodeAnnotations annotations = new() { PublicIP = "::ffff:192.0.2.1" };

        Assert.True(LeaseAnnotations.TryRead(
            annotations, Nodes.Network, Nodes.Names, out LeaseAttributes? read, out _));

        Assert.Equal(IpAddr.Parse("192.0.2.1"), read.PublicIP);
    }

    [Fact]
    public void An_overwrite_is_published_in_place_of_the_node_s_own_address()
    {
        NodeAnnotations present = new() { PublicIPOverwrite = "203.0.113.7", PublicIPv6Overwrite = "2001:db8:f::7" };

        NodeAnnotations annotations = LeaseAnnotations.Compose(Nodes.DualAttributes(1), present);

        Assert.Equal(("203.0.113.7", "2001:db8:f::7"), (annotations.PublicIP, annotations.PublicIPv6));
    }

    [Theory]
    [InlineData("")]
    [InlineData("my-router.example")]
    [InlineData("2001:db8::7")]
    public void An_overwrite_that_is_no_address_of_the_family_is_not_published(string overwrite)
    {
        NodeAnnotations present = new() { PublicIPOverwrite = overwrite };

        Assert.Equal("192.0.2.1", LeaseAnnotations.Compose(Nodes.Attributes(1), present).PublicIP);
    }

    [Theory]
    [InlineData(
        null, null, "it has neither flannel.alpha.coreos.com/public-ip nor flannel.alpha.coreos.com/public-ipv6")]
    [InlineData("0.0.0.0", "", "it has neither flannel.alpha.coreos.com/public-ip nor")]
    [InlineData("2001:db8::1", null, "flannel.alpha.coreos.com/public-ip \"2001:db8::1\" is no IPv4 address")]
    [InlineData("192.0.2.1\n", null, "flannel.alpha.coreos.com/public-ip \"192.0.2.1?\" is no IPv4 address")]
    [InlineData("192.0.2.1", "x", "flannel.alpha.coreos.com/public-ipv6 \"x\" is no IPv6 address")]
    public void What_is_no_address_is_named(string? publicIP, string? publicIPv6, string expected)
    {
        NodeAnnotations annotations = new() { PublicIP = publicIP, PublicIPv6 = publicIPv6 };

        Assert.False(LeaseAnnotations.TryRead(annotations, Nodes.DualNetwork, Nodes.Names, out _, out string? reason));
        Assert.StartsWith(expected, reason, StringComparison.Ordinal);
    }

    private static NetworkConfig Network(bool hasIPv4, bool hasIPv6) =>
        Nodes.DualNetwork with
        {
            Network = hasIPv4 ? Nodes.DualNetwork.Network : default,
            IPv6Network = hasIPv6 ? Nodes.DualNetwork.IPv6Network : default,
        };
}

using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Backends.Vxlan;

/// <summary>Leases that other nodes wrote, which may be anything.</summary>
public sealed class VxlanPeerTests
{
    private const string OwnMac = "0e:00:00:00:00:01";

    private static readonly PlanInput s_input = new(
        new NetworkConfig(IpPrefix.Parse("10.244.0.0/16"), IpPrefix.Parse("fd00:10:244::/48"), false, "vxlan", default),
        new BackendState(
            Attributes("192.0.2.1", "2001:db8::1", "vxlan", null),
            1450,
            [
                new DeviceFacts(Is6: false, "flannel.1", 5, MacAddress.Parse(OwnMac)),
                new DeviceFacts(Is6: true, "flannel-v6.1", 6, MacAddress.Parse(OwnMac)),
            ]),
        new Underlay(
            "eth0",
            2,
            1500,
            IpAddr.Parse("192.0.2.1"),
            IpAddr.Parse("2001:db8::1"),
            IpAddr.Parse("198.51.100.1"),
            IpAddr.Parse("2001:db8:f::1")),
        new Lease(
            "own",
            IpPrefix.Parse("10.244.1.0/24"),
            IpPrefix.Parse("fd00:10:244:1::/64"),
            Attributes("192.0.2.1", "2001:db8::1", "vxlan", null),
            default));

    [Fact]
    public void A_sane_lease_is_a_peer_of_each_family()
    {
        Lease lease = LeaseOf("10.244.2.0/24", "192.0.2.2") with { IPv6Subnet = IpPrefix.Parse("fd00:10:244:2::/64") };

        Peer? peer4 = VxlanPeer.Read(lease, is6: false, s_input, vni: 1).Peer;
        Peer? peer6 = VxlanPeer.Read(lease, is6: true, s_input, vni: 1).Peer;

        Assert.Equal(
            new Peer(
                new PeerKey("peer", Is6: false),
                lease.Seniority,
                IpPrefix.Parse("10.244.2.0/24"),
                IpAddr.Parse("192.0.2.2"),
                MacAddress.Parse("0e:00:00:00:00:02")),
            peer4);
        Assert.Equal(IpAddr.Parse("2001:db8::2"), peer6?.PublicIP);
    }

    [Fact]
    public void A_family_that_a_lease_has_not_is_no_peer_and_no_refusal() => Assert.Equal(
        PeerReading.None, VxlanPeer.Read(LeaseOf("10.244.2.0/24", "192.0.2.2"), is6: true, s_input, vni: 1));

    [Theory]
    [InlineData("10.245.2.0/24", "subnet 10.245.2.0/24 is not inside the network 10.244.0.0/16")]
    [InlineData("10.244.0.0/16", "subnet 10.244.0.0/16 is not inside the network 10.244.0.0/16")]
    [InlineData("10.0.0.0/8", "subnet 10.0.0.0/8 is not inside the network 10.244.0.0/16")]
    [InlineData("0.0.0.0/0", "subnet 0.0.0.0/0 is not inside the network 10.244.0.0/16")]
    [InlineData("10.244.2.7/24", "subnet 10.244.2.7/24 has host bits")]
    [InlineData("10.244.1.0/24", "subnet 10.244.1.0/24 overlaps ours, 10.244.1.0/24")]
    [InlineData("10.244.1.64/26", "subnet 10.244.1.64/26 overlaps ours, 10.244.1.0/24")]
    [InlineData("10.244.0.0/23", "subnet 10.244.0.0/23 overlaps ours, 10.244.1.0/24")]
    public void A_subnet_that_is_not_the_peers_to_have_is_refused(string subnet, string reason) =>
        Assert.Equal(reason, Refusal(LeaseOf(subnet, "192.0.2.2")));

    [Theory]
    [InlineData("0.0.0.0", "public IP \"0.0.0.0\" is not one a node can have")]
    [InlineData("127.0.0.1", "public IP \"127.0.0.1\" is not one a node can have")]
    [InlineData("224.0.0.5", "public IP \"224.0.0.5\" is not one a node can have")]
    [InlineData("255.255.255.255", "public IP \"255.255.255.255\" is not one a node can have")]
    [InlineData("2001:db8::2", "public IP \"2001:db8::2\" is not one a node can have")]
    [InlineData("", "public IP \"\" is not one a node can have")]
    [InlineData("192.0.2.1", "public IP 192.0.2.1 is our own")]
    [InlineData("198.51.100.1", "public IP 198.51.100.1 is our own")]
    [InlineData("10.244.3.3", "public IP 10.244.3.3 is inside the pod network 10.244.0.0/16")]
    [InlineData("169.254.7.7", null)]
    [InlineData("10.0.0.2", null)]
    public void A_public_address_that_no_other_node_can_have_is_refused(string publicIP, string? reason) =>
        Assert.Equal(reason, Refusal(LeaseOf("10.244.2.0/24", publicIP)));

    [Theory]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("ff02::1")]
    [InlineData("192.0.2.2")]
    [InlineData("2001:db8::1")]
    [InlineData("2001:db8:f::1")]
    [InlineData("fd00:10:244:9::1")]
    public void An_IPv6_address_that_no_other_node_can_have_is_refused(string publicIP)
    {
        Lease lease = LeaseOf("10.244.2.0/24", "192.0.2.2") with
        {
            IPv6Subnet = IpPrefix.Parse("fd00:10:244:2::/64"),
            Attributes = Attributes("192.0.2.2", publicIP, "vxlan", "0e:00:00:00:00:02"),
        };

        Assert.NotNull(VxlanPeer.Read(lease, is6: true, s_input, vni: 1).Refusal);
    }

    [Theory]
    [InlineData(OwnMac, 1u, $"its VTEP MAC {OwnMac} is our own")]
    [InlineData("01:00:00:00:00:02", 1u, "VtepMAC 01:00:00:00:00:02 is no unicast address")]
    [InlineData("00:00:00:00:00:00", 1u, "VtepMAC 00:00:00:00:00:00 is no unicast address")]
    [InlineData("0e:00:00:00:00:02", 2u, "its VNI is 1, ours is 2")]
    [InlineData("0e:00:00:00:00:02", 65537u, null)]    // in the 16 bits that are published it is 1
    public void A_VTEP_that_is_not_to_be_reached_is_refused(string mac, uint vni, string? reason) =>
        Assert.Equal(reason, Refusal(LeaseOf("10.244.2.0/24", "192.0.2.2", mac), vni));

    [Theory]
    [InlineData("host-gw", "its backend is \"host-gw\", ours is vxlan")]
    [InlineData("", "its backend is \"\", ours is vxlan")]
    [InlineData("a\nb", "its backend is \"a?b\", ours is vxlan")]
    public void Another_backend_is_refused(string type, string reason)
    {
        Lease lease = LeaseOf("10.244.2.0/24", "192.0.2.2");

        Assert.Equal(reason, Refusal(lease with { Attributes = lease.Attributes with { BackendType = type } }));
    }

    private static string? Refusal(Lease lease, uint vni = 1)
    {
        PeerReading reading = VxlanPeer.Read(lease, is6: false, s_input, vni);
        Assert.NotEqual(reading.Peer is null, reading.Refusal is null);
        return reading.Refusal?.Text;
    }

    private static Lease LeaseOf(string subnet, string publicIP, string mac = "0e:00:00:00:00:02") => new(
        "peer",
        IpPrefix.Parse(subnet),
        default,
        Attributes(publicIP, "2001:db8::2", "vxlan", mac),
        new Seniority(2, "peer"));

    private static LeaseAttributes Attributes(string publicIP, string publicIPv6, string type, string? mac)
    {
        string? data = mac is null ? null : $"{{\"VNI\":1,\"VtepMAC\":\"{mac}\"}}";
        return new LeaseAttributes(
            publicIP.Length == 0 ? default : IpAddr.Parse(publicIP), IpAddr.Parse(publicIPv6), type, data, data);
    }
}

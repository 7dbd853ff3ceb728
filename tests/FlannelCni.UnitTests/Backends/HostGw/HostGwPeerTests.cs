using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.HostGw;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Backends.HostGw;

/// <summary>Leases that other nodes wrote, and the route that follows.</summary>
public sealed class HostGwPeerTests
{
    private static readonly PlanInput s_input = PlanInputs.Create("192.0.2.0/24", "2001:db8::/64");

    [Fact]
    public void A_peer_on_the_link_is_the_gateway_to_its_subnets()
    {
        Lease lease = LeaseAt("192.0.2.2", "2001:db8::2");

        Peer peer4 = Read(lease, is6: false).Peer!;
        Peer peer6 = Read(lease, is6: true).Peer!;

        Assert.Equal(
            new Planned<RouteKey, RouteEntry>(
                RouteKey.InMainTable(IpPrefix.Parse("10.244.2.0/24")),
                RouteEntry.OverUnderlay(IpAddr.Parse("192.0.2.2"), PlanInputs.Eth0)),
            HostGwPlans.Route(peer4, s_input));
        Assert.Equal(IpAddr.Parse("2001:db8::2"), HostGwPlans.Route(peer6, s_input)?.Entry.Gateway);
        Assert.True(peer4.TunnelMac.IsZero);
    }

    [Theory]
    [InlineData(
        "198.51.100.2", "public IP 198.51.100.2 is not on the link of eth0, which host-gw needs and vxlan does not")]
    [InlineData("192.0.2.1", "public IP 192.0.2.1 is our own")]
    [InlineData("10.244.3.3", "public IP 10.244.3.3 is inside the pod network 10.244.0.0/16")]
    [InlineData("127.0.0.1", "public IP \"127.0.0.1\" is not one a node can have")]
    public void An_address_that_cannot_be_a_gateway_is_refused(string address, string reason) =>
        Assert.Equal(reason, Read(LeaseAt(address, "2001:db8::2"), is6: false).Refusal?.Text);

    [Theory]
    [InlineData("vxlan")]
    [InlineData("")]
    public void A_peer_of_another_backend_is_refused(string type)
    {
        Lease lease = LeaseAt("192.0.2.2", "2001:db8::2");

        Assert.Equal(
            $"its backend is \"{type}\", ours is host-gw",
            Read(lease with { Attributes = lease.Attributes with { BackendType = type } }, is6: false).Refusal?.Text);
    }

    [Fact]
    public void A_subnet_that_is_ours_or_beyond_the_network_is_refused()
    {
        Lease lease = LeaseAt("192.0.2.2", "2001:db8::2");

        Assert.StartsWith(
            "subnet 10.244.1.128/25 overlaps ours",
            Read(lease with { Subnet = IpPrefix.Parse("10.244.1.128/25") }, is6: false).Refusal?.Text,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "subnet 0.0.0.0/0 is not inside",
            Read(lease with { Subnet = IpPrefix.Parse("0.0.0.0/0") }, is6: false).Refusal?.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_family_that_the_lease_lacks_is_no_peer() =>
        Assert.Equal(PeerReading.None, Read(LeaseAt("192.0.2.2", "") with { IPv6Subnet = default }, is6: true));

    private static PeerReading Read(Lease lease, bool is6) => HostGwPeer.Read(lease, is6, s_input);

    private static Lease LeaseAt(string address, string address6) => new(
        "two",
        IpPrefix.Parse("10.244.2.0/24"),
        IpPrefix.Parse("fd00:10:244:2::/64"),
        new LeaseAttributes(
            IpAddr.Parse(address), address6.Length == 0 ? default : IpAddr.Parse(address6), "host-gw", null, null),
        new Seniority(2, "two"));
}

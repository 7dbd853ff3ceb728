using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Backends.Vxlan;

public sealed class VxlanPlansTests
{
    private static readonly Peer s_peer = new(
        new PeerKey("two", Is6: false),
        default,
        IpPrefix.Parse("10.244.2.0/24"),
        IpAddr.Parse("192.0.2.2"),
        MacAddress.Parse("0e:00:00:00:00:02"));

    private static readonly Peer s_peer6 = s_peer with
    {
        Key = new PeerKey("two", Is6: true),
        Subnet = IpPrefix.Parse("fd00:10:244:2::/64"),
        PublicIP = IpAddr.Parse("2001:db8::2"),
    };

    [Fact]
    public void A_peer_behind_the_tunnel_has_a_neighbour_a_forwarding_entry_and_a_route()
    {
        PlanInput input = PlanInputs.Create();

        Assert.Equal(
            new(
                new NeighbourKey(5, IpAddr.Parse("10.244.2.0")),
                new NeighbourEntry(s_peer.TunnelMac, IsPermanent: true)),
            VxlanPlans.Neighbour(s_peer, input));
        Assert.Equal(
            new(new FdbKey(5, s_peer.TunnelMac), new FdbDestination(s_peer.PublicIP, IsPermanent: true)),
            VxlanPlans.Fdb(s_peer, input));
        Assert.Equal(
            new(RouteKey.InMainTable(s_peer.Subnet), RouteEntry.ThroughTunnel(s_peer.Subnet, 5)),
            VxlanPlans.Route(s_peer, input));
        Assert.Equal(6, VxlanPlans.Route(s_peer6, input)?.Entry.OutInterface);
    }

    [Fact]
    public void A_peer_on_the_link_has_a_route_under_the_same_key_and_nothing_else()
    {
        PlanInput input = PlanInputs.Create("192.0.2.0/24");

        Assert.Null(VxlanPlans.Neighbour(s_peer, input));
        Assert.Null(VxlanPlans.Fdb(s_peer, input));
        Assert.Equal(
            new(RouteKey.InMainTable(s_peer.Subnet), RouteEntry.OverUnderlay(s_peer.PublicIP, PlanInputs.Eth0)),
            VxlanPlans.Route(s_peer, input));
    }

    [Fact]
    public void Each_family_is_decided_by_itself()
    {
        PlanInput input = PlanInputs.Create("192.0.2.0/24");

        Assert.NotNull(VxlanPlans.Neighbour(s_peer6, input));
        Assert.True(VxlanPlans.Route(s_peer6, input)?.Entry.IsOnlink);
    }
}

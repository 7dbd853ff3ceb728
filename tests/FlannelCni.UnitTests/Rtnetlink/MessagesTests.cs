using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.UnitTests.Rtnetlink;

/// <summary>
/// Whole messages, little-endian host, as <c>strace -e write=all ip …</c> shows them of iproute2 6.1 for the command
/// named: the same but for the order of attributes, the sequence number and what is said.
/// </summary>
public sealed class MessagesTests
{
    private const NlMsgFlags Create = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    private const NlMsgFlags Replace = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

    // ip link add flannel.1 address 02:00:00:00:00:01 mtu 1450 txqueuelen 0
    //   type vxlan id 1 dstport 8472 local 192.0.2.1 dev u nolearning
    // with NLA_F_NESTED and the kind's NUL, which iproute2 leaves out and the kernel takes either way.
    private const string VxlanLink =
        "88000000 1000 0506 00000000 00000000" +    // nlmsghdr: RTM_NEWLINK, REQUEST|ACK|EXCL|CREATE
        "00000000 00000000 00000000 00000000" +    // ifinfomsg
        "0E000300 666C616E 6E656C2E 31000000" +    // IFLA_IFNAME "flannel.1"
        "08000400 AA050000" +                      // IFLA_MTU 1450
        "08000D00 00000000" +                      // IFLA_TXQLEN 0
        "0A000100 02000000 00010000" +             // IFLA_ADDRESS 02:00:00:00:00:01
        "3C001280" +                               // IFLA_LINKINFO, nested
        "0A000100 76786C61 6E000000" +             //   IFLA_INFO_KIND "vxlan"
        "2C000280" +                               //   IFLA_INFO_DATA, nested
        "08000100 01000000" +                      //     IFLA_VXLAN_ID 1
        "08000300 03000000" +                      //     IFLA_VXLAN_LINK 3
        "05000700 00000000" +                      //     IFLA_VXLAN_LEARNING 0
        "08000400 C0000201" +                      //     IFLA_VXLAN_LOCAL 192.0.2.1
        "06000F00 21180000";                       //     IFLA_VXLAN_PORT 8472, be16

    // ip route replace 10.1.1.0/24 via 10.1.1.0 dev flannel.1 onlink
    private const string Route =
        "34000000 1800 0505 00000000 00000000" +    // nlmsghdr: RTM_NEWROUTE, REQUEST|ACK|REPLACE|CREATE
        "02 18 00 00 FE 03 00 01 04000000" +        // rtmsg: AF_INET/24, main, boot, universe, unicast, RTNH_F_ONLINK
        "08000100 0A010100" +                       // RTA_DST 10.1.1.0
        "08000500 0A010100" +                       // RTA_GATEWAY 10.1.1.0
        "08000400 05000000";                        // RTA_OIF 5

    // ip neigh replace 10.1.1.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent
    private const string Neighbour =
        "30000000 1C00 0505 00000000 00000000" +    // nlmsghdr: RTM_NEWNEIGH, REQUEST|ACK|REPLACE|CREATE
        "02 000000 05000000 8000 00 00" +           // ndmsg: AF_INET, link 5, NUD_PERMANENT
        "08000100 0A010100" +                       // NDA_DST 10.1.1.0
        "0A000200 02000000 00020000";               // NDA_LLADDR 02:00:00:00:00:02

    // bridge fdb replace 02:00:00:00:00:02 dev flannel.1 dst 192.0.2.2 self permanent; there NUD_NOARP is said as well
    private const string Fdb =
        "30000000 1C00 0505 00000000 00000000" +    // nlmsghdr: RTM_NEWNEIGH, REQUEST|ACK|REPLACE|CREATE
        "07 000000 05000000 8000 02 00" +           // ndmsg: AF_BRIDGE, link 5, NUD_PERMANENT, NTF_SELF
        "0A000200 02000000 00020000" +              // NDA_LLADDR 02:00:00:00:00:02
        "08000100 C0000202";                        // NDA_DST 192.0.2.2

    // ip nexthop add id 77 via 10.1.1.0 dev flannel.1 onlink
    private const string NexthopObject =
        "30000000 6800 0506 00000000 00000000" +    // nlmsghdr: RTM_NEWNEXTHOP, REQUEST|ACK|EXCL|CREATE
        "02 00 00 00 04000000" +                    // nhmsg: AF_INET, RTNH_F_ONLINK
        "08000100 4D000000" +                       // NHA_ID 77
        "08000500 05000000" +                       // NHA_OIF 5
        "08000600 0A010100";                        // NHA_GATEWAY 10.1.1.0

    // ip addr add 10.1.0.1/24 dev br0
    private const string Address =
        "28000000 1400 0506 00000000 00000000" +    // nlmsghdr: RTM_NEWADDR, REQUEST|ACK|EXCL|CREATE
        "02 18 00 00 04000000" +                    // ifaddrmsg: AF_INET/24, link 4
        "08000200 0A010001" +                       // IFA_LOCAL
        "08000100 0A010001";                        // IFA_ADDRESS

    private static readonly IpAddr s_base = IpAddr.Parse("10.1.1.0");
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:02");

    [Fact]
    public void A_vxlan_link_is_written_as_iproute2_does()
    {
        VxlanSpec spec = new(
            "flannel.1", 1, 8472, IpAddr.Parse("192.0.2.1"), 3, 1450, MacAddress.Parse("02:00:00:00:00:01"));

        AssertBytes(VxlanLink, RtnlSocket.ComposeVxlan(new byte[512], spec));
    }

    [Fact]
    public void A_route_is_written_as_iproute2_does()
    {
        AssertBytes(Route, RouteMessages.Compose(new byte[512], RTM_NEWROUTE, Replace, OnlinkRoute()));
    }

    [Fact]
    public void A_neighbour_is_written_as_iproute2_does()
    {
        Neighbour neighbour = new(5, s_base, s_mac);

        AssertBytes(Neighbour, NeighbourMessages.Compose(new byte[512], RTM_NEWNEIGH, Replace, neighbour));
    }

    [Fact]
    public void An_fdb_entry_is_written_as_iproute2_does()
    {
        FdbEntry entry = new(5, s_mac, IpAddr.Parse("192.0.2.2"));

        AssertBytes(Fdb, NeighbourMessages.Compose(new byte[512], RTM_NEWNEIGH, Replace, entry));
    }

    [Fact]
    public void A_nexthop_is_written_as_iproute2_does()
    {
        Nexthop nexthop = new(77, s_base, 5) { IsOnlink = true };

        AssertBytes(NexthopObject, Nexthop.Compose(new byte[512], RTM_NEWNEXTHOP, Create, nexthop));
    }

    [Fact]
    public void An_address_is_written_as_iproute2_does()
    {
        LinkAddress address = new(4, IpPrefix.Parse("10.1.0.1/24"));

        AssertBytes(Address, RtnlSocket.ComposeAddress(new byte[512], RTM_NEWADDR, Create, address));
    }

    [Fact]
    public void An_IPv6_route_has_metric_1024_unless_told_otherwise()
    {
        Assert.Equal(1024u, new Route(IpPrefix.Parse("fd00::/64")).Metric);
        Assert.Equal(5u, new Route(IpPrefix.Parse("fd00::/64")) { Metric = 5 }.Metric);
        Assert.Equal(0u, new Route(IpPrefix.Parse("10.0.0.0/8")).Metric);
    }

    [Fact]
    public void The_longest_route_fits_into_a_batch()
    {
        RtnlBatch batch = new();

        batch.ReplaceRoute(new Route(IpPrefix.Parse("fd00:1::/64"))
        {
            Gateway = IpAddr.Parse("fd00::1"),
            OutInterface = 1,
            Table = 1000,
            Metric = 7,
            PreferredSource = IpAddr.Parse("fd00::2"),
            Mtu = 1400,
            AdvertisedMss = 1300,
        });

        Assert.Equal(1, batch.Count);
    }

    [Fact]
    public void Building_a_message_allocates_nothing()
    {
        Span<byte> buffer = stackalloc byte[512];
        VxlanSpec spec = new("flannel.1", 1, 8472, s_base, 3, 1450, s_mac);
        for (int i = 0; i < 100; i++)
        {
            BuildAll(buffer, spec);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        BuildAll(buffer, spec);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
    }

    private static void BuildAll(Span<byte> buffer, VxlanSpec spec)
    {
        RtnlSocket.ComposeVxlan(buffer, spec);
        RouteMessages.Compose(buffer, RTM_NEWROUTE, Replace, OnlinkRoute());
        NeighbourMessages.Compose(buffer, RTM_NEWNEIGH, Replace, new Neighbour(5, s_base, s_mac));
        NeighbourMessages.Compose(buffer, RTM_NEWNEIGH, Replace, new FdbEntry(5, s_mac, s_base));
        Nexthop.Compose(buffer, RTM_NEWNEXTHOP, Create, new Nexthop(77, s_base, 5));
        RtnlSocket.ComposeAddress(buffer, RTM_NEWADDR, Create, new LinkAddress(4, new IpPrefix(s_base, 24)));
    }

    private static Route OnlinkRoute() =>
        new(new IpPrefix(s_base, 24)) { Gateway = s_base, OutInterface = 5, IsOnlink = true };

    private static void AssertBytes(string expected, ReadOnlySpan<byte> actual) =>
        Assert.Equal(Hex.Text(Hex.Bytes(expected)), Hex.Text(actual));
}

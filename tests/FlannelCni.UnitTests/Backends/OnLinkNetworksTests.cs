using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.Backends;

/// <summary>What is on the link of interface 2.</summary>
public sealed class OnLinkNetworksTests
{
    private const int Eth0 = 2;
    private const int Eth1 = 3;

    private static readonly Route[] s_host =
    [
        To("0.0.0.0/0", via: "192.0.2.254"),
        To("192.0.2.0/24"),
        To("192.0.2.128/25", via: "192.0.2.254"),
        To("198.51.100.0/24", link: Eth1),
        To("203.0.113.7/32"),
        To("172.16.0.0/12", via: "192.0.2.254"),
        To("2001:db8::/64"),
        To("fe80::/64", link: Eth1) with { Metric = 256 },
        To("fe80::/64") with { Metric = 256 },
    ];

    [Theory]
    [InlineData("192.0.2.1", true)]
    [InlineData("192.0.2.200", false)]       // a longer prefix leads through a router
    [InlineData("192.0.2.66", false)]        // our own
    [InlineData("192.0.2.0", false)]
    [InlineData("203.0.113.7", true)]
    [InlineData("203.0.113.8", false)]       // the default route does
    [InlineData("198.51.100.1", false)]      // another link
    [InlineData("172.16.0.1", false)]
    [InlineData("2001:db8::5", true)]
    [InlineData("2001:db8:0:1::5", false)]   // no route at all
    [InlineData("fe80::5", true)]            // every link has these
    public void The_longest_prefix_decides(string address, bool isOnLink) =>
        Assert.Equal(isOnLink, Of(s_host, Eth0).Reaches(IpAddr.Parse(address)));

    [Fact]
    public void Of_two_routes_to_one_network_the_lower_metric_counts_then_the_first()
    {
        Route direct = To("192.0.2.0/24") with { Metric = 100 };
        Route routed = To("192.0.2.0/24", via: "192.0.2.254");
        IpAddr peer = IpAddr.Parse("192.0.2.9");

        Assert.False(Of([direct, routed], Eth0).Reaches(peer));
        Assert.True(Of([direct, routed with { Metric = 200 }], Eth0).Reaches(peer));
        Assert.True(Of([direct, routed with { Metric = 100 }], Eth0).Reaches(peer));
        Assert.False(Of([routed with { Metric = 100 }, direct], Eth0).Reaches(peer));
    }

    [Fact]
    public void A_route_of_several_paths_and_one_that_refuses_are_no_link()
    {
        Assert.True(Of([To("192.0.2.0/24") with { IsMultipath = true }], Eth0).IsEmpty);
        Assert.False(Of([To("192.0.2.0/24"), To("192.0.2.9/32", link: 0) with { Type = RouteType.RTN_BLACKHOLE }], Eth0)
            .Reaches(IpAddr.Parse("192.0.2.9")));
    }

    [Fact]
    public void Two_moments_are_equal_where_nothing_that_counts_differs()
    {
        OnLinkNetworks before = Of(s_host, Eth0);

        Assert.True(before.Equals(Of([.. s_host, To("198.18.0.0/15", via: "192.0.2.254")], Eth0)));
        Assert.False(before.Equals(Of([.. s_host, To("192.0.2.9/32", via: "192.0.2.254")], Eth0)));
        Assert.False(before.Equals(Of(s_host, Eth1)));
    }

    [Theory]
    [InlineData("192.0.2.9/32", "192.0.2.254", true)]
    [InlineData("192.0.2.0/24", "192.0.2.254", true)]
    [InlineData("192.0.2.0/24", null, true)]
    [InlineData("198.18.0.0/15", null, true)]            // a new network on the link
    [InlineData("198.18.0.0/15", "192.0.2.254", false)]
    [InlineData("0.0.0.0/0", "192.0.2.254", false)]      // shorter than any on the link
    public void Only_a_route_that_can_change_an_answer_counts(string destination, string? via, bool counts) =>
        Assert.Equal(counts, Of(s_host, Eth0).DependsOn(To(destination, via), Eth0));

    [Fact]
    public void A_route_of_another_table_changes_nothing() =>
        Assert.False(Of(s_host, Eth0).DependsOn(To("192.0.2.9/32") with { Table = 100 }, Eth0));

    [Fact]
    public void It_says_what_it_is() => Assert.Equal(
        "192.0.2.0/24, 203.0.113.7/32, 2001:db8::/64, fe80::/64 but for 192.0.2.128/25",
        Of(s_host, Eth0).ToString());

    private static OnLinkNetworks Of(IEnumerable<Route> routes, int link) =>
        OnLinkNetworks.Of(routes, link, [IpAddr.Parse("192.0.2.66"), IpAddr.Parse("127.0.0.1")]);

    private static Route To(string destination, string? via = null, int link = Eth0) => new(IpPrefix.Parse(destination))
    {
        Gateway = via is null ? default : IpAddr.Parse(via),
        OutInterface = link,
    };
}

using System.Text;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Interfaces;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Backends;

/// <summary>A node with the Internet's routes: what the agent looks for in them costs it no memory.</summary>
public sealed class LargeRoutingTableTests : IDisposable
{
    private const int Routes = 50_000;
    private const long MaxBytes = 1 << 20;    // the routes themselves would be 7 MB

    private readonly TestCluster _cluster = TestCluster.Create(1);

    public LargeRoutingTableTests()
    {
        StringBuilder batch = new();
        for (int i = 0; i < Routes; i++)
        {
            batch.Append($"route add 11.{i >> 14}.{(i >> 6) & 255}.{(i & 63) << 2}/30 via 192.0.2.254 dev eth0\n");
        }

        Node.Shell("ip route add default via 192.0.2.254; ip route add 192.0.2.128/25 via 192.0.2.253");
        Node.Shell("ip -batch -", batch.ToString());
    }

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public void What_is_on_the_link_is_found_without_keeping_the_rest()
    {
        NetworkConfig network = new(IpPrefix.Parse("10.244.0.0/16"), default, false, "host-gw", default);
        Link eth0 = Node.Rtnl.GetLink("eth0");
        IpAddr own = TestCluster.Address4(1);
        Underlay underlay = new("eth0", eth0.Index, eth0.Mtu, own, default, own, default);
        OnLinkReader reader = new(Node.Rtnl, network);

        long before = GC.GetAllocatedBytesForCurrentThread();
        OnLinkNetworks found = reader.Read(underlay, []);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBytes);
        Assert.Equal("192.0.2.0/24 but for 192.0.2.128/25", found.ToString());
        Assert.Equal(found, reader.Read(underlay, []));

        Node.Shell("ip route add 203.0.113.0/24 dev eth0; ip route add 203.0.113.128/25 via 192.0.2.253");
        Assert.Equal(
            "192.0.2.0/24, 203.0.113.0/24 but for 192.0.2.128/25, 203.0.113.128/25",
            reader.Read(underlay, []).ToString());

        Node.Shell("ip route del 203.0.113.0/24; ip route del 192.0.2.128/25");
        Assert.Equal("192.0.2.0/24", reader.Read(underlay, []).ToString());
    }

    [Fact]
    public void The_default_route_is_found_without_keeping_the_rest()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        HostFacts facts = HostFacts.Read(Node.Rtnl, canReach: default);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBytes);
        Assert.Single(facts.DefaultRoutes);
    }
}

using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Rtnetlink;

/// <summary>Neighbours and FDB entries, judged by <c>ip -json neighbour</c> and <c>bridge -json fdb</c>.</summary>
public sealed class NeighbourTests : IDisposable
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:02");

    private readonly TestNode _node = TestNode.Create();
    private readonly int _link;
    private readonly int _other;

    public NeighbourTests()
    {
        _node.Shell("ip link add flannel.1 up type vxlan id 1 dstport 8472 local 192.0.2.1 nolearning");
        _node.Shell("ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up");
        _link = _node.Rtnl.GetLink("flannel.1").Index;
        _other = _node.Rtnl.GetLink("eth0").Index;
    }

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("10.1.1.0")]
    [InlineData("fd00:1::")]
    public void A_neighbour_is_read_as_it_was_made_and_iproute2_shows_it(string address)
    {
        Neighbour neighbour = new(_link, IpAddr.Parse(address), s_mac);

        Rtnl.ReplaceNeighbour(neighbour with { Mac = MacAddress.Parse("02:00:00:00:00:09") });
        Rtnl.ReplaceNeighbour(neighbour);

        JsonElement shown = _node.ShellJson("ip -json neighbour show dev flannel.1 nud permanent")[0];
        Assert.Equal(address, shown.GetProperty("dst").GetString());
        Assert.Equal("02:00:00:00:00:02", shown.GetProperty("lladdr").GetString());
        Assert.Contains(neighbour, Rtnl.ListNeighbours(neighbour.Address.Is6, _link));
        Assert.DoesNotContain(
            Rtnl.ListNeighbours(neighbour.Address.Is6, _other), n => n.LinkIndex == _link);
        Assert.True(Rtnl.DeleteNeighbourIfPresent(neighbour));
        Assert.False(Rtnl.DeleteNeighbourIfPresent(neighbour));
    }

    [Theory]
    [InlineData("192.0.2.2", 0, 0)]
    [InlineData("192.0.2.2", 4789, 77)]
    public void An_fdb_entry_is_read_as_it_was_made_and_iproute2_shows_it(string destination, int port, int vni)
    {
        FdbEntry entry = new(_link, s_mac, IpAddr.Parse(destination)) { Port = (ushort)port, Vni = (uint)vni };

        Rtnl.ReplaceFdbEntry(entry with { Destination = IpAddr.Parse("192.0.2.9") });
        Rtnl.ReplaceFdbEntry(entry);

        JsonElement shown = _node.ShellJson("bridge -json fdb show dev flannel.1").EnumerateArray()
            .Single(static e => e.GetProperty("mac").GetString() == "02:00:00:00:00:02");
        Assert.Equal("192.0.2.2", shown.GetProperty("dst").GetString());
        Assert.Equal("permanent", shown.GetProperty("state").GetString());
        Assert.Equal([entry], Rtnl.ListFdb(_link).Where(static e => e.Mac == s_mac));
        Assert.DoesNotContain(Rtnl.ListFdb(_other), e => e.LinkIndex == _link);
    }

    [Fact]
    public void An_fdb_entry_is_deleted_by_its_MAC_whatever_its_destination()
    {
        FdbEntry entry = new(_link, s_mac, IpAddr.Parse("192.0.2.2"));
        Rtnl.ReplaceFdbEntry(entry);

        Assert.True(Rtnl.DeleteFdbEntryIfPresent(entry with { Destination = IpAddr.Parse("192.0.2.77") }));
        Assert.False(Rtnl.DeleteFdbEntryIfPresent(entry));
        Assert.DoesNotContain(Rtnl.ListFdb(_link), static e => e.Mac == s_mac);
    }

    [Fact]
    public void An_error_names_the_entry_and_its_link()
    {
        Exception e = Assert.ThrowsAny<Exception>(
            () => Rtnl.ReplaceFdbEntry(new FdbEntry(4711, s_mac, IpAddr.Parse("192.0.2.2"))));

        Assert.StartsWith("replace fdb entry 02:00:00:00:00:02 on link 4711", e.Message, StringComparison.Ordinal);
    }
}

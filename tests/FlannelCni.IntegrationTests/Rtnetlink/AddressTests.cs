using System.Text.Json;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Rtnetlink;

/// <summary>Addresses, judged by <c>ip -json address</c>.</summary>
public sealed class AddressTests : IDisposable
{
    private readonly TestNode _node = TestNode.Create();
    private readonly int _link;

    public AddressTests()
    {
        _node.Shell("ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up");
        _link = _node.Rtnl.GetLink("eth0").Index;
    }

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task ListMulticastGroups_lists_what_iproute2_shows()
    {
        IpAddr address = IpAddr.Parse("fd00::1:2:12ab:cdef");
        Rtnl.AddAddress(new LinkAddress(_link, new IpPrefix(address, 64)) { Flags = AddressFlags.IFA_F_NODAD });
        await Wait.Until(
            () => Rtnl.ListMulticastGroups(is6: true, _link).Contains(address.SolicitedNode),
            TimeSpan.FromSeconds(5),
            "the group is joined");

        foreach (bool is6 in (bool[])[false, true])
        {
            string[] shown = [.. _node.Shell($"ip -{(is6 ? 6 : 4)} maddress show dev eth0")
                .Split([' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries)
                .Where(static word => IpAddr.TryParse(word, out _))];
            Assert.Equal(
                shown.Order(), Rtnl.ListMulticastGroups(is6, _link).Select(static group => group.ToString()).Order());
        }
    }

    [Fact]
    public void AddAddress_adds_what_iproute2_shows()
    {
        IpAddr broadcast = IpAddr.Parse("10.1.2.255");

        Rtnl.AddAddress(new LinkAddress(_link, IpPrefix.Parse("10.1.2.3/24")) { Broadcast = broadcast });
        Rtnl.AddAddress(new LinkAddress(_link, IpPrefix.Parse("fd00::3/64")) { Flags = AddressFlags.IFA_F_NODAD });

        JsonElement v4 = Single("-4");
        JsonElement v6 = Single("-6", "scope global");
        Assert.Equal("10.1.2.3", v4.GetProperty("local").GetString());
        Assert.Equal(24, v4.GetProperty("prefixlen").GetInt32());
        Assert.Equal("10.1.2.255", v4.GetProperty("broadcast").GetString());
        Assert.Equal("fd00::3", v6.GetProperty("local").GetString());
        Assert.False(v6.TryGetProperty("tentative", out _));
    }

    [Fact]
    public void Addresses_are_read_as_they_were_made()
    {
        LinkAddress address = new(_link, IpPrefix.Parse("10.1.2.3/24"))
        {
            Broadcast = IpAddr.Parse("10.1.2.255"),
            Flags = AddressFlags.IFA_F_PERMANENT | AddressFlags.IFA_F_NOPREFIXROUTE,
            Scope = RouteScope.RT_SCOPE_LINK,
        };
        Rtnl.AddAddress(address);

        Assert.Equal([address], Rtnl.ListAddresses(is6: false, _link));
    }

    [Fact]
    public void A_point_to_point_address_is_its_own_end()
    {
        _node.Shell("ip address add 10.0.0.1 peer 10.0.0.2/32 dev eth0");
        _node.Shell("ip address add fd00::1 peer fd00::2 dev eth0 nodad");

        Assert.Equal("10.0.0.1/32", Rtnl.ListAddresses(is6: false, _link)[0].Prefix.ToString());
        Assert.Contains(Rtnl.ListAddresses(is6: true, _link), static a => a.Prefix.ToString() == "fd00::1/128");
    }

    [Theory]
    [InlineData("10.1.2.3/24")]
    [InlineData("fd00::3/64")]
    public void Adding_twice_is_EEXIST_and_replacing_is_not(string prefix)
    {
        LinkAddress address = new(_link, IpPrefix.Parse(prefix));
        Rtnl.AddAddress(address);

        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddAddress(address));
        Rtnl.ReplaceAddress(address);

        Assert.Equal(Errno.EEXIST, e.Errno);
        Assert.StartsWith($"add address {prefix} on link {_link}", e.Message, StringComparison.Ordinal);
        Assert.Single(Rtnl.ListAddresses(address.Prefix.Is6, _link), a => a.Prefix == address.Prefix);
    }

    [Theory]
    [InlineData("10.1.2.3/24")]
    [InlineData("fd00::3/64")]
    public void Deleting_says_whether_it_was_there(string prefix)
    {
        Rtnl.AddAddress(new LinkAddress(_link, IpPrefix.Parse(prefix)));

        Assert.True(Rtnl.DeleteAddressIfPresent(_link, IpPrefix.Parse(prefix)));
        Assert.False(Rtnl.DeleteAddressIfPresent(_link, IpPrefix.Parse(prefix)));
    }

    [Fact]
    public void The_kernel_lists_one_link_only()
    {
        _node.Shell("ip address add 10.0.0.1/24 dev eth0; ip address add 10.0.1.1/24 dev far");

        Assert.Equal(["10.0.0.1/24"], Rtnl.ListAddresses(is6: false, _link).Select(static a => a.Prefix.ToString()));
        Assert.Equal(2, Rtnl.ListAddresses(is6: false).Count);
        Assert.Equal(
            Errno.ENODEV, Assert.Throws<NetlinkException>(() => Rtnl.ListAddresses(is6: false, 4711)).Errno);
    }

    private JsonElement Single(string family, string scope = "") =>
        _node.ShellJson($"ip -json {family} address show dev eth0 {scope}")[0].GetProperty("addr_info")[0];
}

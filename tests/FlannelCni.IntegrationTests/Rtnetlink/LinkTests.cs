using System.Text.Json;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Rtnetlink;

/// <summary>Links, judged by <c>ip -json -details link</c>.</summary>
public sealed class LinkTests : IDisposable
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:01");

    private readonly TestNode _node = TestNode.Create();

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Fact]
    public void AddVxlan_makes_the_device_iproute2_reports()
    {
        int underlay = AddUnderlay();

        Rtnl.AddVxlan(FlannelOne(underlay));

        JsonElement link = Show("flannel.1");
        JsonElement data = link.GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal("vxlan", link.GetProperty("linkinfo").GetProperty("info_kind").GetString());
        Assert.Equal("02:00:00:00:00:01", link.GetProperty("address").GetString());
        Assert.Equal(1400, link.GetProperty("mtu").GetInt32());
        Assert.Equal(1, data.GetProperty("id").GetInt32());
        Assert.Equal(8472, data.GetProperty("port").GetInt32());
        Assert.Equal("192.0.2.1", data.GetProperty("local").GetString());
        Assert.Equal("underlay", data.GetProperty("link").GetString());
        Assert.False(data.GetProperty("learning").GetBoolean());
        Assert.DoesNotContain("UP", Flags(link));
    }

    [Fact]
    public void A_vxlan_device_is_read_as_it_was_made()
    {
        int underlay = AddUnderlay();
        Rtnl.AddVxlan(FlannelOne(underlay) with { Gbp = true, Learning = true, Local = IpAddr.Parse("2001:db8::1") });

        Link link = Rtnl.GetLink("flannel.1");

        Assert.Equal("vxlan", link.Kind);
        Assert.Equal(s_mac, link.Mac);
        Assert.Equal(1400u, link.Mtu);
        Assert.False(link.IsUp);
        Assert.Equal(
            new VxlanData
            {
                Vni = 1,
                Port = 8472,
                Local = IpAddr.Parse("2001:db8::1"),
                ParentIndex = underlay,
                Learning = true,
                Gbp = true,
            },
            link.Vxlan);
        Assert.Equal(link, Rtnl.FindLink(link.Index));
    }

    [Fact]
    public void AddVxlan_without_MAC_MTU_port_or_address_leaves_them_to_the_kernel()
    {
        Rtnl.AddVxlan(new VxlanSpec("vx", 7, 0, default, 0, 0, default));

        Link link = Rtnl.GetLink("vx");
        Assert.True(link.Mac.IsUnicast);
        Assert.Equal(8472, link.Vxlan!.Port);
        Assert.True(link.Vxlan.Local.IsNone);
        Assert.Equal(0, link.Vxlan.ParentIndex);
    }

    [Fact]
    public void ChangeVxlan_changes_local_parent_and_learning_in_place()
    {
        int underlay = AddUnderlay();
        _node.Shell("ip link add other type veth peer name far2");
        Rtnl.AddVxlan(FlannelOne(underlay));
        Link before = Rtnl.GetLink("flannel.1");
        VxlanSpec changed = FlannelOne(Rtnl.GetLink("other").Index) with
        {
            Local = IpAddr.Parse("192.0.2.9"),
            Learning = true,
        };

        Rtnl.ChangeVxlan(before.Index, changed);

        JsonElement data = Show("flannel.1").GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal("192.0.2.9", data.GetProperty("local").GetString());
        Assert.Equal("other", data.GetProperty("link").GetString());
        Assert.True(data.GetProperty("learning").GetBoolean());
        Assert.Equal(before.Index, Rtnl.GetLink("flannel.1").Index);
    }

    [Fact]
    public void AddVxlan_twice_is_EEXIST()
    {
        Rtnl.AddVxlan(FlannelOne(AddUnderlay()));

        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddVxlan(FlannelOne(0)));

        Assert.Equal(Errno.EEXIST, e.Errno);
        Assert.Equal("add vxlan link flannel.1: File exists (EEXIST)", e.Message);
    }

    [Fact]
    public void An_error_has_the_kernels_sentence()
    {
        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddVxlan(FlannelOne(0) with { Vni = 1 << 24 }));

        Assert.Equal(Errno.ERANGE, e.Errno);
        Assert.Equal(e.KernelMessage, e.Message[(e.Message.IndexOf('[') + 1)..e.Message.IndexOf(']')]);
        Assert.Contains("16777216", e.KernelMessage!, StringComparison.Ordinal);
    }

    [Fact]
    public void AddBridge_keeps_its_address_whatever_joins()
    {
        Rtnl.AddBridge("cni0", s_mac, 1400);
        Rtnl.AddVeth(Veth("veth0", Rtnl.GetLink("cni0").Index));

        JsonElement link = Show("cni0");
        Assert.Equal("02:00:00:00:00:01", link.GetProperty("address").GetString());
        Assert.Equal(1400, link.GetProperty("mtu").GetInt32());
        Assert.Contains("UP", Flags(link));
        Assert.True(Rtnl.GetLink("cni0").IsBridge);
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => Rtnl.AddBridge("cni0", s_mac, 0)).Errno);
    }

    [Fact]
    public void AddVeth_makes_both_ends_in_one_message()
    {
        using TestNode pod = TestNode.Create();
        Rtnl.AddBridge("cni0", default, 0);
        int bridge = Rtnl.GetLink("cni0").Index;

        Rtnl.AddVeth(Veth("veth0", bridge) with
        {
            Mac = s_mac,
            PeerMac = MacAddress.Parse("02:00:00:00:00:02"),
            PeerNamespace = pod.Namespace,
        });

        JsonElement here = Show("veth0");
        JsonElement there = pod.ShellJson("ip -json -details link show eth0")[0];
        Assert.Equal("cni0", here.GetProperty("master").GetString());
        Assert.Equal("02:00:00:00:00:01", here.GetProperty("address").GetString());
        Assert.Equal("02:00:00:00:00:02", there.GetProperty("address").GetString());
        Assert.Equal(1400, here.GetProperty("mtu").GetInt32());
        Assert.Equal(1400, there.GetProperty("mtu").GetInt32());
        Assert.Contains("UP", Flags(here));
        Assert.DoesNotContain("UP", Flags(there));

        Link read = Rtnl.GetLink("veth0");
        Assert.Equal("veth", read.Kind);
        Assert.Equal(bridge, read.MasterIndex);
        Assert.Equal(pod.Rtnl.GetLink("eth0").Index, read.ParentIndex);
        Assert.NotNull(read.PeerNamespaceId);
        Assert.Equal(new BridgePort(Hairpin: false, Isolated: false), read.Port);
    }

    [Fact]
    public void AddVeth_of_a_taken_name_is_EEXIST_and_leaves_nothing()
    {
        using TestNode pod = TestNode.Create();
        pod.Shell("ip link add eth0 type veth peer name x");
        VethSpec spec = Veth("veth0", 0) with { PeerNamespace = pod.Namespace };

        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.AddVeth(spec));

        Assert.Equal("add veth veth0 with peer eth0: File exists (EEXIST)", e.Message);
        Assert.Null(Rtnl.FindLink("veth0"));
    }

    [Fact]
    public void A_links_settings_are_changed_one_by_one()
    {
        int underlay = AddUnderlay();
        Rtnl.AddBridge("cni0", s_mac, 0);

        Rtnl.SetUp(underlay);
        Rtnl.SetMtu(underlay, 1300);
        Rtnl.SetMac(underlay, MacAddress.Parse("02:00:00:00:00:03"));
        Rtnl.SetPromiscuous(underlay);
        Rtnl.SetMaster(underlay, Rtnl.GetLink("cni0").Index);
        Rtnl.SetBridgePort(underlay, new BridgePort(Hairpin: true, Isolated: true));

        JsonElement link = Show("underlay");
        JsonElement port = _node.ShellJson("bridge -json -details link show dev underlay")[0];
        Assert.Contains("UP", Flags(link));
        Assert.Contains("PROMISC", Flags(link));
        Assert.Equal(1300, link.GetProperty("mtu").GetInt32());
        Assert.Equal("02:00:00:00:00:03", link.GetProperty("address").GetString());
        Assert.Equal("cni0", link.GetProperty("master").GetString());
        Assert.True(port.GetProperty("hairpin").GetBoolean());
        Assert.True(port.GetProperty("isolated").GetBoolean());
        Link read = Rtnl.GetLink("underlay");
        Assert.Equal(new BridgePort(Hairpin: true, Isolated: true), read.Port);
        Assert.Equal(2u, read.Promiscuity);

        Rtnl.SetMaster(underlay, 0);
        Rtnl.SetUp(underlay, up: false);

        Assert.Equal(0, Rtnl.GetLink("underlay").MasterIndex);
        Assert.Null(Rtnl.GetLink("underlay").Port);
        Assert.DoesNotContain("UP", Flags(Show("underlay")));
    }

    [Fact]
    public void The_error_of_a_setting_names_value_and_link()
    {
        NetlinkException e = Assert.Throws<NetlinkException>(() => Rtnl.SetMtu(4711, 1300));

        Assert.Equal("set mtu 1300 on link 4711: No such device (ENODEV)", e.Message);
    }

    [Fact]
    public void What_is_not_there_is_null_or_false_or_ENODEV()
    {
        Assert.Null(Rtnl.FindLink("missing"));
        Assert.Null(Rtnl.FindLink(4711));
        Assert.False(Rtnl.DeleteLinkIfPresent("missing"));
        Assert.Equal(Errno.ENODEV, Assert.Throws<NetlinkException>(() => Rtnl.DeleteLink(4711)).Errno);
        Assert.Equal(Errno.ENODEV, Assert.Throws<NetlinkException>(() => Rtnl.GetLink("missing")).Errno);
    }

    [Fact]
    public void Links_are_deleted_by_name_and_by_index()
    {
        Rtnl.DeleteLink(AddUnderlay());
        AddUnderlay();

        Assert.True(Rtnl.DeleteLinkIfPresent("far"));
        Assert.Equal(["lo"], Rtnl.ListLinks().Select(static l => l.Name));
    }

    [Fact]
    public void Lists_hold_what_iproute2_lists()
    {
        AddUnderlay();
        Rtnl.AddBridge("cni0", s_mac, 0);
        Rtnl.AddVxlan(FlannelOne(0));
        Rtnl.SetMaster(Rtnl.GetLink("far").Index, Rtnl.GetLink("cni0").Index);

        Assert.Equal(
            _node.ShellJson("ip -json link show").EnumerateArray()
                .Select(static l => l.GetProperty("ifname").GetString()),
            Rtnl.ListLinks().Select(static l => l.Name));
        Assert.Equal(["flannel.1"], Rtnl.ListLinks("vxlan").Select(static l => l.Name));
        Assert.Empty(Rtnl.ListLinks("nosuchkind"));
        Assert.Equal(["far"], Rtnl.ListPorts(Rtnl.GetLink("cni0").Index).Select(static l => l.Name));
    }

    [Fact]
    public void Reading_a_link_allocates_the_link_and_its_name()
    {
        AddUnderlay();
        for (int i = 0; i < 50; i++)
        {
            Rtnl.FindLink("underlay");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Rtnl.FindLink("underlay");
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 1, 300);
    }

    private static VxlanSpec FlannelOne(int parent) =>
        new("flannel.1", 1, 8472, IpAddr.Parse("192.0.2.1"), parent, 1400, s_mac);

    private VethSpec Veth(string name, int master) =>
        new(name, default, master, "eth0", default, _node.Namespace, 1400);

    private int AddUnderlay()
    {
        _node.Shell("ip link add underlay type veth peer name far");
        return Rtnl.GetLink("underlay").Index;
    }

    private JsonElement Show(string name) => _node.ShellJson($"ip -json -details link show {name}")[0];

    private static IEnumerable<string?> Flags(JsonElement link) =>
        link.GetProperty("flags").EnumerateArray().Select(static f => f.GetString());
}

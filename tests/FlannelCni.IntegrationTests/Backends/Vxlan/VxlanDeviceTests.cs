using System.Text.Json;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Backends.Vxlan;

public sealed class VxlanDeviceTests : IDisposable
{
    private static readonly IpPrefix s_network = IpPrefix.Parse("10.244.0.0/16");
    private static readonly IpPrefix s_network6 = IpPrefix.Parse("fd00:10:244::/48");
    private static readonly VxlanConfig s_plain = new(Vni: 1, Port: 0, Mtu: 0, Gbp: false, Learning: false);

    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();
    private readonly List<string> _repairs = [];

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public void A_device_is_made_with_every_attribute_as_upstream_makes_it()
    {
        DeviceFacts facts = Ensure();

        JsonElement link = Link("flannel.1");
        Assert.Equal(facts.Index, link.GetProperty("ifindex").GetInt32());
        Assert.Equal(facts.Mac.ToString(), link.GetProperty("address").GetString());
        Assert.Equal(1450, link.GetProperty("mtu").GetInt32());
        Assert.Equal(0, link.TryGetProperty("txqlen", out JsonElement txqlen) ? txqlen.GetInt32() : 0);
        Assert.Contains("\"UP\"", link.GetProperty("flags").GetRawText(), StringComparison.Ordinal);
        Assert.Equal(
            "id 1, local 192.0.2.1, link eth0, port 8472, ttl 0, learning False, proxy , rsc , l2miss , l3miss , gbp , "
            + "udp_zero_csum6_tx False",
            Summary(link));
        Assert.Equal(["10.244.1.0/32"], Addresses("-4", "flannel.1"));
        Assert.True(facts.Mac.IsUnicast);
        Assert.Equal($"{facts.Mac}\n", File.ReadAllText(_state.File("flannel.1.mac")));
    }

    [Fact]
    public void Its_IPv6_twin_has_the_larger_header()
    {
        Ensure6();

        JsonElement link = Link("flannel-v6.1");
        Assert.Equal(1430, link.GetProperty("mtu").GetInt32());
        Assert.Equal("2001:db8::1", Data(link).GetProperty("local6").GetString());
        Assert.Contains("fd00:10:244:1::/128", Addresses("-6", "flannel-v6.1"));
    }

    [Fact]
    public void Options_of_the_config_are_the_devices()
    {
        Ensure(new VxlanConfig(Vni: 70000, Port: 4789, Mtu: 1400, Gbp: true, Learning: true));

        JsonElement link = Link("flannel.70000");
        Assert.Equal(1350, link.GetProperty("mtu").GetInt32());
        Assert.Equal(4789, Data(link).GetProperty("port").GetInt32());
        Assert.True(Data(link).GetProperty("learning").GetBoolean());
        Assert.True(Data(link).TryGetProperty("gbp", out _));
    }

    [Fact]
    public void Checksum_offload_is_left_alone_unless_the_config_says_otherwise_and_then_kept()
    {
        Ensure();
        Assert.True(Node.Rtnl.GetTxChecksumOffload("flannel.1"));
        Node.Rtnl.SetTxChecksumOffload("flannel.1", isOn: false);
        Ensure();
        Assert.False(Node.Rtnl.GetTxChecksumOffload("flannel.1"));
        Ensure(s_plain with { TxChecksumOffload = true });
        Assert.True(Node.Rtnl.GetTxChecksumOffload("flannel.1"));
        Assert.Empty(_repairs);

        VxlanDevice off = Device(s_plain with { TxChecksumOffload = false }, s_network);
        off.Ensure(Underlay(), DataPlaneHarness.LeaseOf(1), _repairs);
        Node.Rtnl.SetTxChecksumOffload("flannel.1", isOn: true);
        off.Ensure(Underlay(), DataPlaneHarness.LeaseOf(1), _repairs);

        Assert.False(Node.Rtnl.GetTxChecksumOffload("flannel.1"));
        Assert.Equal(["flannel.1 had checksum offload on"], _repairs);
    }

    [Fact]
    public void An_MTU_that_the_uplink_cannot_carry_is_the_uplinks()
    {
        VxlanConfig jumbo = s_plain with { Mtu = 9000 };
        Ensure(jumbo);

        Ensure(jumbo);

        Assert.Equal(1450, Link("flannel.1").GetProperty("mtu").GetInt32());
        Assert.Empty(_repairs);
    }

    [Fact]
    public async Task A_second_start_adopts_the_device_without_a_write()
    {
        DeviceFacts first = Ensure();
        await using KernelWatch watch = new(Node);

        DeviceFacts second = Ensure();

        Node.Shell("ip link set lo down");    // what is announced of it comes last
        await Wait.Until(
            () => watch.Events.Any(static e => e.Link?.Name == "lo"), DataPlaneHarness.Soon, "the watch has seen lo");
        Assert.Equal(first, second);
        Assert.DoesNotContain(
            watch.Events,
            e => e.Link?.Index == first.Index
                || (e.Address.LinkIndex == first.Index && !e.Address.Prefix.Address.IsLinkLocal));    // the kernel's
        Assert.Empty(_repairs);
    }

    [Fact]
    public void A_device_that_upstream_left_keeps_its_MAC()
    {
        Node.Shell(
            """
            ip link add flannel.1 address 0e:11:22:33:44:55 mtu 1450 txqueuelen 0 \
              type vxlan id 1 dev eth0 local 192.0.2.1 dstport 8472 nolearning
            ip address add 10.244.1.0/32 dev flannel.1
            ip link set flannel.1 up
            """);
        int index = Link("flannel.1").GetProperty("ifindex").GetInt32();

        DeviceFacts facts = Ensure();

        Assert.Equal(index, facts.Index);
        Assert.Equal("0e:11:22:33:44:55", facts.Mac.ToString());
    }

    [Fact]
    public void The_MAC_survives_the_device()
    {
        MacAddress first = Ensure().Mac;
        Node.Shell("ip link del flannel.1");

        Assert.Equal(first, Ensure().Mac);
    }

    [Theory]
    [InlineData("type vxlan id 2 dev eth0 local 192.0.2.1 dstport 8472 nolearning", "had VNI 2")]
    [InlineData("type vxlan id 1 dev eth0 local 192.0.2.1 dstport 4790 nolearning", "had port 4790")]
    [InlineData("type vxlan id 1 dev eth0 local 192.0.2.1 dstport 8472 nolearning gbp", "had GBP on")]
    [InlineData("type vxlan id 1 dev eth0 group 239.1.1.1 dstport 8472 nolearning", "had the group 239.1.1.1")]
    [InlineData("type vxlan id 1 dev eth0 local 192.0.2.1 dstport 8472 nolearning l2miss", "reported misses")]
    [InlineData("type vxlan id 1 dev eth0 local 2001:db8::1 dstport 8472 nolearning", "had the source 2001:db8::1")]
    [InlineData("type bridge", "was a bridge device")]
    public void An_incompatible_device_is_replaced(string made, string said)
    {
        Node.Shell($"ip link add flannel.1 {made}");
        int index = Link("flannel.1").GetProperty("ifindex").GetInt32();

        DeviceFacts facts = Ensure(s_plain with { Port = 8472 });

        Assert.NotEqual(index, facts.Index);
        Assert.Equal([$"flannel.1 {said} and was deleted"], _repairs);
        Assert.Equal("192.0.2.1", Data(Link("flannel.1")).GetProperty("local").GetString());
    }

    [Fact]
    public void An_IPv4_device_of_the_IPv6_name_is_replaced()
    {
        Node.Shell("ip link add flannel-v6.1 type vxlan id 1 dev eth0 dstport 8472");

        Ensure6();

        Assert.Equal("2001:db8::1", Data(Link("flannel-v6.1")).GetProperty("local6").GetString());
    }

    [Theory]
    [InlineData("ip link set flannel.1 mtu 1300")]
    [InlineData("ip link set flannel.1 address 0e:00:00:00:00:99")]
    [InlineData("ip link set flannel.1 type vxlan learning")]
    [InlineData("ip link set flannel.1 type vxlan local 192.0.2.200")]
    [InlineData("ip link add other up type veth peer name far; ip link set flannel.1 type vxlan dev other")]
    [InlineData("ip link set flannel.1 down")]
    [InlineData("ip address flush dev flannel.1")]
    [InlineData("ip address add 10.244.77.0/32 dev flannel.1")]
    [InlineData("ip address add 10.244.1.1/24 dev flannel.1")]
    public void What_can_be_changed_in_place_is(string change)
    {
        int index = Ensure().Index;
        string before = Rendered();
        Node.Shell(change);
        Assert.NotEqual(before, Rendered());

        Assert.Equal(index, Ensure().Index);

        Assert.Equal(before, Rendered());
    }

    [Fact]
    public void An_address_outside_the_network_is_somebody_elses()
    {
        Ensure();
        Node.Shell("ip address add 172.16.0.1/32 dev flannel.1");

        Ensure();

        Assert.Contains("172.16.0.1/32", Addresses("-4", "flannel.1"));
    }

    [Fact]
    public void Another_device_with_our_VNI_is_named()
    {
        Node.Shell(
            """
            ip link add v6 type vxlan id 1 dev eth0 local 2001:db8::1 dstport 8472
            ip link add otherport type vxlan id 1 dev eth0 local 192.0.2.1 dstport 4789
            ip link add rival type vxlan id 1 dev eth0 local 192.0.2.1 dstport 8472
            """);

        LinuxException e = Assert.Throws<LinuxException>(() => Ensure());

        Assert.StartsWith(
            "add vxlan link flannel.1: the device rival has VNI 1 and the same port already",
            e.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_uplink_without_an_address_leaves_the_source_as_it_is()
    {
        Ensure();
        VxlanDevice device = Device(s_plain, s_network);

        device.Ensure(Underlay() with { Address = default }, DataPlaneHarness.LeaseOf(1), _repairs);
        device.Ensure(Underlay() with { Address = default }, DataPlaneHarness.LeaseOf(1), _repairs);

        Assert.Empty(_repairs);
        Assert.Equal("192.0.2.1", Data(Link("flannel.1")).GetProperty("local").GetString());
    }

    private DeviceFacts Ensure(VxlanConfig? config = null) =>
        Device(config ?? s_plain, s_network).Ensure(Underlay(), DataPlaneHarness.LeaseOf(1), _repairs);

    private void Ensure6() => Device(s_plain, s_network6).Ensure(
        Underlay(), DataPlaneHarness.LeaseOf(1, isDualStack: true), _repairs);

    // A new object, as a new process has.
    private VxlanDevice Device(VxlanConfig config, IpPrefix network) =>
        new(Node.Rtnl, new VxlanMacFile(_state.Path), config, network);

    private Underlay Underlay()
    {
        Link eth0 = Node.Rtnl.GetLink("eth0");
        (IpAddr address4, IpAddr address6) = (TestCluster.Address4(1), TestCluster.Address6(1));
        return new Underlay("eth0", eth0.Index, eth0.Mtu, address4, address6, address4, address6);
    }

    private JsonElement Link(string name) => Node.ShellJson($"ip -json -details link show {name}")[0];

    private static JsonElement Data(JsonElement link) => link.GetProperty("linkinfo").GetProperty("info_data");

    private string Rendered() =>
        Node.Shell("ip -details -oneline link show flannel.1; ip -oneline -4 address show dev flannel.1");

    private string[] Addresses(string family, string device) =>
        [.. Node.ShellJson($"ip -json {family} address show dev {device}")[0].GetProperty("addr_info").EnumerateArray()
            .Select(static a => $"{a.GetProperty("local").GetString()}/{a.GetProperty("prefixlen").GetInt32()}")];

    // What upstream sets; what iproute2 leaves out is off.
    private static string Summary(JsonElement link)
    {
        JsonElement data = Data(link);
        string[] fields =
        [
            "id", "local", "link", "port", "ttl", "learning", "proxy", "rsc", "l2miss", "l3miss", "gbp",
            "udp_zero_csum6_tx",
        ];
        return string.Join(", ", fields.Select(
            field => $"{field} {(data.TryGetProperty(field, out JsonElement value) ? value : default)}"));
    }
}

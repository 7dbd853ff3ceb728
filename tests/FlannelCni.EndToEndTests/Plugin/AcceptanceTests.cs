using System.Text.Json;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>What upstream's own tests ask of flannel and of bridge, for every version and family.</summary>
public sealed class AcceptanceTests
{
    private const string TwoNetworks = "FLANNEL_NETWORK=10.42.0.0/16,192.168.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\n";

    private static readonly string[] s_versions = ["", "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    /// <summary>Version, families, how many addresses of each.</summary>
    public static TheoryData<string, string, int, int> Lives
    {
        get
        {
            TheoryData<string, string, int, int> lives = [];
            foreach (string version in s_versions)
            {
                lives.Add(version, CniHost.IPv4, 1, 0);
                lives.Add(version, TwoNetworks, 1, 0);
                lives.Add(version, CniHost.IPv6, 0, 1);
                lives.Add(version, CniHost.IPv4 + CniHost.IPv6, 1, 1);
            }

            return lives;
        }
    }

    [Theory]
    [MemberData(nameof(Lives))]
    public void A_pod_comes_and_goes(string version, string families, int count4, int count6)
    {
        using CniHost host = new(families) { Version = version };
        if (version == "1.1.0")
        {
            host.InstallNewestIpam();
        }

        host.Node.Shell("ip link add cni0 type bridge; ip link set cni0 up");
        int index = Link(host.Node.ShellJson("ip -json link show cni0")).GetProperty("ifindex").GetInt32();
        CniPod pod = host.NewPod();

        JsonElement result = host.Add(pod).Success();

        AssertResult(host, pod, result, version, count4, count6);
        JsonElement bridge = Link(host.Node.ShellJson("ip -json -details address show cni0"));
        Assert.Equal(index, bridge.GetProperty("ifindex").GetInt32());
        Assert.Equal(0, bridge.GetProperty("promiscuity").GetInt32());
        string port = Assert.Single(host.Ports());
        Assert.StartsWith("veth", port, StringComparison.Ordinal);
        Assert.NotEqual(
            bridge.GetProperty("address").GetString(),
            Link(host.Node.ShellJson($"ip -json link show {port}")).GetProperty("address").GetString());
        AssertGateways(host, pod, bridge, count4, count6);
        Assert.Equal(count4, pod.Addresses(is6: false).Length);
        Assert.Equal(count6, pod.Addresses(is6: true).Length);
        JsonElement inside = Link(pod.Node.ShellJson("ip -json -details link show eth0"));
        Assert.Equal("UP", inside.GetProperty("operstate").GetString());
        Assert.Equal("veth", inside.GetProperty("linkinfo").GetProperty("info_kind").GetString());
        AssertScratch(host, pod, version, families);
        if (version is "0.4.0" or "1.0.0" or "1.1.0")
        {
            host.More = $", \"prevResult\": {result.GetRawText()}";
            host.Call("CHECK", pod).SilentSuccess();
        }

        host.Delete(pod).SilentSuccess();
        host.Delete(pod).SilentSuccess();
        host.AssertClean();
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Two_addresses_of_a_family_are_more_than_the_oldest_versions_can_say(string version)
    {
        using CniHost host = new() { Version = version };
        host.More =
            """
            , "runtimeConfig": { "ipRanges": [ [ { "subnet": "fd00:99::/64" } ], [ { "subnet": "10.99.0.0/24" } ] ] }
            """;
        CniPod pod = host.NewPod();
        string expected = $"CNI version {version} does not support more than 1 address per family";

        Assert.Equal(expected, host.Add(pod).Message);
        Assert.Equal(expected, host.Delete(pod).Message);

        Assert.Empty(host.Ports());
        Assert.Empty(host.ReservedAddresses());
    }

    [Fact]
    public void Three_addresses_are_fine_from_then_on()
    {
        using CniHost host = new() { Version = "0.3.0" };
        host.More = """, "runtimeConfig": { "ipRanges": [ [ { "subnet": "fd00:99::/64" } ] ] }""";
        CniPod pod = host.NewPod();

        JsonElement ips = host.Add(pod).Success().GetProperty("ips");

        Assert.Equal(3, ips.GetArrayLength());
        Assert.Equal(2, pod.Addresses(is6: true).Length);
        pod.Ping("fd00:99::1");
        pod.Ping("fd00:42:0:3::1");
        host.Delete(pod).SilentSuccess();
        host.AssertClean();
    }

    [Fact]
    public void What_fails_after_IPAM_gives_the_address_back()
    {
        using CniHost host = new() { Delegate = """{ "isGateway": true, "mtu": 99999999 }""" };
        CniPod pod = host.NewPod();

        Assert.Equal(1, host.Add(pod).ExitStatus);

        host.Node.Shell("ip link del cni0 2> /dev/null || true");
        host.AssertClean();
    }

    private static void AssertResult(
        CniHost host, CniPod pod, JsonElement result, string version, int count4, int count6)
    {
        if (version is "" or "0.1.0" or "0.2.0")
        {
            Assert.Equal(version.Length == 0 ? "0.1.0" : version, result.GetProperty("cniVersion").GetString());
            Assert.Equal(count4 > 0, result.TryGetProperty("ip4", out _));
            Assert.Equal(count6 > 0, result.TryGetProperty("ip6", out _));
            Assert.False(result.TryGetProperty("interfaces", out _));
            return;
        }

        JsonElement[] interfaces = [.. result.GetProperty("interfaces").EnumerateArray()];
        Assert.Equal(
            ["cni0", host.Ports()[0], "eth0"], interfaces.Select(static link => link.GetProperty("name").GetString()));
        Assert.All(interfaces, static link => Assert.Equal(17, link.GetProperty("mac").GetString()!.Length));
        Assert.Equal(
            Link(host.Node.ShellJson("ip -json link show cni0")).GetProperty("address").GetString(),
            interfaces[0].GetProperty("mac").GetString());
        Assert.Equal(pod.Sandbox, interfaces[2].GetProperty("sandbox").GetString());
        Assert.Equal(pod.MacOf("eth0"), interfaces[2].GetProperty("mac").GetString());
        JsonElement[] ips = [.. result.GetProperty("ips").EnumerateArray()];
        Assert.Equal(count4 + count6, ips.Length);
        Assert.All(ips, static ip => Assert.Equal(2, ip.GetProperty("interface").GetInt32()));
        Assert.Equal(version.StartsWith('0'), ips[0].TryGetProperty("version", out _));
        Assert.Equal(version.StartsWith('0'), result.TryGetProperty("dns", out _));
    }

    private static void AssertGateways(CniHost host, CniPod pod, JsonElement bridge, int count4, int count6)
    {
        string[] addresses = [.. bridge.GetProperty("addr_info").EnumerateArray()
            .Where(static address => address.GetProperty("scope").GetString() == "global")
            .Select(static address =>
                $"{address.GetProperty("local").GetString()}/{address.GetProperty("prefixlen").GetInt32()}")];
        Assert.Equal(count4 > 0, addresses.Contains("10.42.3.1/24"));
        Assert.Equal(count6 > 0, addresses.Contains("fd00:42:0:3::1/64"));
        AssertDefault(pod, "-4", count4 > 0 ? "10.42.3.1" : null);
        AssertDefault(pod, "-6", count6 > 0 ? "fd00:42:0:3::1" : null);
        Assert.Equal(count4 > 0 ? "1\n" : "0\n", host.Node.Shell("cat /proc/sys/net/ipv4/ip_forward"));
    }

    private static void AssertDefault(CniPod pod, string family, string? gateway)
    {
        JsonElement[] routes = [.. pod.Node.ShellJson($"ip -json {family} route show default").EnumerateArray()];
        Assert.Equal(gateway is null ? 0 : 1, routes.Length);
        if (gateway is not null)
        {
            Assert.Equal(gateway, routes[0].GetProperty("gateway").GetString());
            Assert.False(routes[0].TryGetProperty("prefsrc", out _));
        }
    }

    private static void AssertScratch(CniHost host, CniPod pod, string version, string families)
    {
        using JsonDocument scratch = JsonDocument.Parse(File.ReadAllText(Path.Combine(host.DataDir, pod.Id)));
        JsonElement config = scratch.RootElement;
        string[] keys =
            ["hairpinMode", "ipMasq", "ipam", "isDefaultGateway", "isGateway", "mtu", "name", "type"];
        Assert.Equal(
            version.Length == 0 ? keys : ["cniVersion", .. keys],
            config.EnumerateObject().Select(static member => member.Name));
        JsonElement ipam = config.GetProperty("ipam");
        Assert.Equal(
            families.Split("_NETWORK=").Length - 1 + families.Count(static c => c == ','),
            ipam.GetProperty("routes").GetArrayLength());
        Assert.Equal(families.Split("_SUBNET=").Length - 1, ipam.GetProperty("ranges").GetArrayLength());
    }

    private static JsonElement Link(JsonElement list) => list[0];
}

using System.Diagnostics;
using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>The bridge's options, one by one, and what other implementations get wrong of them.</summary>
public sealed class OptionTests : IDisposable
{
    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("", "", "IgnoreUnknown=1;MAC=C2:11:22:33:44:01", "c2:11:22:33:44:01")]
    [InlineData("", "c2-11-22-33-44-02", "MAC=c2:11:22:33:44:01;IgnoreUnknown=true", "c2:11:22:33:44:02")]
    [InlineData("c211.2233.4403", "c2-11-22-33-44-02", "MAC=c2:11:22:33:44:01;IgnoreUnknown=true", "c2:11:22:33:44:03")]
    public void The_runtimes_MAC_counts_before_the_users_and_that_before_the_callers(
        string runtimes, string users, string callers, string expected)
    {
        _host.Delegate = $$"""{ "isGateway": true, "args": { "cni": { "mac": "{{users}}" } } }""";
        _host.More = $$""", "runtimeConfig": { "mac": "{{runtimes}}" }""";
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Call("ADD", pod, null, ("CNI_ARGS", callers)).Success();

        Assert.Equal(expected, pod.MacOf("eth0"));
        Assert.Equal(expected, result.GetProperty("interfaces")[2].GetProperty("mac").GetString());
    }

    [Fact]
    public void A_MAC_that_is_none_is_named_and_nothing_is_made()
    {
        _host.More = """, "runtimeConfig": { "mac": "c2:11:22" }""";

        _host.Add(_host.NewPod()).Failure(999, "failed to make veth pair: invalid MAC address: \"c2:11:22\"");

        _host.AssertClean();
    }

    [Fact]
    public void Arguments_that_are_unknown_are_refused_unless_told_otherwise()
    {
        CniPod pod = _host.NewPod();

        _host.Call("ADD", pod, null, ("CNI_ARGS", "K8S_POD_NAME=a"))
            .Failure(999, "ARGS: unknown args [\"K8S_POD_NAME=a\"]");

        _host.AssertClean();
        _host.Call("ADD", pod, null, ("CNI_ARGS", "K8S_POD_NAME=a;IgnoreUnknown=true")).Success();
    }

    [Fact]
    public void A_disabled_interface_stays_down_and_has_no_IPAM()
    {
        _host.Delegate = """{ "disableContainerInterface": true }""";
        _host.Add(_host.NewPod()).Failure(999, "cannot use IPAM when DisableContainerInterface flag is set");
        _host.Ipam = """, "type": "" """;
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        Assert.Equal(3, result.GetProperty("interfaces").GetArrayLength());
        Assert.DoesNotContain("UP", Flags(pod, "eth0"));
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void Hairpin_and_promiscuous_mode_exclude_each_other()
    {
        _host.Delegate = """{ "hairpinMode": true, "promiscMode": true }""";

        _host.Add(_host.NewPod()).Failure(999, "cannot set hairpin mode and promiscuous mode at the same time.");

        _host.AssertClean();
    }

    [Theory]
    [InlineData("{}", false, false)]
    [InlineData("""{ "hairpinMode": true }""", true, false)]
    [InlineData("""{ "portIsolation": true }""", false, true)]
    [InlineData("""{ "HairpinMode": true, "portisolation": true }""", true, true)]
    public void A_port_has_the_flags_that_are_asked_for(string users, bool hairpin, bool isolated)
    {
        _host.Delegate = users;

        _host.Add(_host.NewPod()).Success();

        JsonElement port = _host.Node.ShellJson($"ip -json -details link show {_host.Ports()[0]}")[0]
            .GetProperty("linkinfo").GetProperty("info_slave_data");
        Assert.Equal(hairpin, port.GetProperty("hairpin").GetBoolean());
        Assert.Equal(isolated, port.GetProperty("isolated").GetBoolean());
    }

    [Fact]
    public void Isolated_pods_reach_the_gateway_and_not_each_other()
    {
        _host.Delegate = """{ "isDefaultGateway": true, "portIsolation": true }""";
        CniPod one = _host.NewPod();
        CniPod two = _host.NewPod();
        _host.Add(one).Success();
        _host.Add(two).Success();

        one.Ping("10.42.3.1");

        Assert.Throws<InvalidOperationException>(() => one.Node.Shell("ping -c 1 -W 1 10.42.3.3"));
    }

    [Fact]
    public void An_address_that_another_pod_has_is_found_by_duplicate_detection()
    {
        _host.Delegate = """{ "isGateway": true, "enabledad": true }""";
        _host.InstallIpam(
            """cat > /dev/null; echo '{"cniVersion":"0.3.1","ips":[{"version":"6","address":"fd00:42:0:3::9/64"}]}'""");
        CniPod first = _host.NewPod();
        _host.Add(first).Success();
        Assert.DoesNotContain("tentative", first.Node.Shell("ip -6 address show eth0"), StringComparison.Ordinal);

        CniAnswer answer = _host.Add(_host.NewPod());

        answer.Failure(999, "IPv6 duplicate address detected on \"eth0\"");
        Assert.Single(_host.Ports());
    }

    [Fact]
    public void The_gateway_of_the_first_pod_is_usable_at_once_in_both_families()
    {
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        // Neither must who asks for the one or the other be unheard, which costs a second.
        RtnlSocket host = _host.Node.Rtnl;
        RtnlSocket inside = pod.Node.Rtnl;
        Assert.Contains(
            IpAddr.Parse("ff02::1:ff00:1"), host.ListMulticastGroups(is6: true, host.GetLink("cni0").Index));
        Assert.Contains(
            IpAddr.Parse("ff02::1:ff00:2"), inside.ListMulticastGroups(is6: true, inside.GetLink("eth0").Index));
        Assert.DoesNotContain(
            "tentative", _host.Node.Shell("ip -6 address show cni0 scope global"), StringComparison.Ordinal);
        pod.Node.Shell("ping -c 1 -w 5 -i 0.2 fd00:42:0:3::1");
        pod.Node.Shell("ping -c 1 -w 5 -i 0.2 10.42.3.1");
    }

    [Fact]
    public void A_right_address_beside_others_is_found_and_the_others_stay_even_if_forced()
    {
        _host.Delegate = """{ "isGateway": true, "forceAddress": true }""";
        _host.Node.Shell("ip link add cni0 type bridge; ip link set cni0 up");
        _host.Node.Shell("ip address add 10.99.0.1/24 dev cni0; ip address add 10.42.3.1/24 dev cni0");

        _host.Add(_host.NewPod()).Success();

        Assert.Contains("10.99.0.1/24", _host.Node.Shell("ip -4 address show cni0"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.42.0.1/16", true)]
    [InlineData("fd00:42::1/32", true)]
    [InlineData("fd00:99::1/64", false)]
    public void Which_addresses_are_in_the_way(string present, bool isInTheWay)
    {
        string family = present.Contains(':') ? "-6" : "-4";
        _host.Node.Shell($"ip link add cni0 type bridge; ip {family} address add {present} dev cni0");

        CniAnswer refused = _host.Add(_host.NewPod());
        _host.Delegate = """{ "isGateway": true, "forceAddress": true }""";
        _host.Add(_host.NewPod()).Success();

        Assert.Equal(isInTheWay ? 1 : 0, refused.ExitStatus);
        string addresses = _host.Node.Shell("ip address show cni0");
        Assert.Equal(!isInTheWay, addresses.Contains($" {present} ", StringComparison.Ordinal));
        Assert.Contains("10.42.3.1/24", addresses, StringComparison.Ordinal);
        Assert.Contains("fd00:42:0:3::1/64", addresses, StringComparison.Ordinal);
    }

    [Fact]
    public void Routes_have_the_mtu_and_the_scope_that_they_ask_for()
    {
        _host.InstallIpam(
            """
            cat > /dev/null
            echo '{ "cniVersion": "1.0.0", "ips": [ { "address": "10.42.3.2/24", "gateway": "10.42.3.1" } ], "routes": [
              { "dst": "192.0.2.0/24", "mtu": 1300, "advmss": 1200, "priority": 7 },
              { "dst": "198.51.100.0/24", "scope": 253 },
              { "dst": "203.0.113.0/24", "gw": "10.42.3.9", "table": 300 } ] }'
            """);
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        string routes = pod.Node.Shell("ip -4 route show");
        Assert.Contains(
            "192.0.2.0/24 via 10.42.3.1 dev eth0 metric 7 mtu 1300 advmss 1200", routes, StringComparison.Ordinal);
        Assert.Contains("198.51.100.0/24 dev eth0 scope link", routes, StringComparison.Ordinal);
        Assert.Contains("via 10.42.3.9", pod.Node.Shell("ip -4 route show table 300"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "isGateway": true }""")]
    [InlineData("""{ "isGateway": false }""")]
    public void A_bridge_that_others_made_keeps_its_MAC_too_once_it_has_a_gateway(string users)
    {
        _host.Delegate = users;
        CniPod[] pods = [.. Enumerable.Range(0, 4).Select(_ => _host.NewPod())];
        _host.Add(pods[0]).Success();
        string mac = Mac();

        foreach (CniPod pod in pods[1..])
        {
            _host.Add(pod).Success();
            Assert.Equal(mac, Mac());
        }

        foreach (CniPod pod in pods)
        {
            _host.Delete(pod).SilentSuccess();
            Assert.Equal(mac, Mac());
        }
    }

    [Fact]
    public void An_ADD_may_come_again_after_one_that_failed()
    {
        CniPod pod = _host.NewPod();
        string log = _host.Folder.File("log");
        _host.InstallIpam(
            $$"""cat > /dev/null; echo $CNI_COMMAND >> {{log}}; [ $CNI_COMMAND = DEL ] || { echo bad >&2; exit 1; }""");
        Assert.Equal(1, _host.Add(pod).ExitStatus);
        Assert.Equal(["ADD", "DEL"], File.ReadAllLines(log));

        _host.Path = CniHost.PluginFolder;
        _host.Add(pod).Success();

        pod.Ping("10.42.3.1");
    }

    [Fact]
    public void Name_service_is_IPAMs_unless_the_user_says_otherwise()
    {
        string resolv = _host.Folder.File("resolv.conf");
        File.WriteAllText(resolv, "nameserver 10.0.0.53\nsearch a.example b.example\n");
        _host.Ipam = $", \"resolvConf\": \"{resolv}\"";

        JsonElement ipams = _host.Add(_host.NewPod()).Success().GetProperty("dns");
        _host.Delegate = """{ "isGateway": true, "dns": { "nameservers": [ "192.0.2.53" ] } }""";
        JsonElement users = _host.Add(_host.NewPod()).Success().GetProperty("dns");

        Assert.Equal("10.0.0.53", ipams.GetProperty("nameservers")[0].GetString());
        Assert.Equal("b.example", ipams.GetProperty("search")[1].GetString());
        Assert.Equal("192.0.2.53", Assert.Single(users.EnumerateObject()).Value[0].GetString());
    }

    [Fact]
    public void Duplicate_detection_that_does_not_end_is_given_up_after_five_seconds_and_nothing_stays()
    {
        _host.Delegate = """{ "isDefaultGateway": true, "enabledad": true }""";
        CniPod pod = _host.NewPod();
        pod.Node.Shell("echo 60 > /proc/sys/net/ipv6/conf/default/dad_transmits");
        Stopwatch watch = Stopwatch.StartNew();

        _host.Add(pod).Failure(999, "link eth0 still has tentative addresses after 5 seconds");

        Assert.InRange(watch.Elapsed.TotalSeconds, 4.5, 25);
        _host.AssertClean();
    }

    private string Mac() => _host.Node.ShellJson("ip -json link show cni0")[0].GetProperty("address").GetString()!;

    private static string[] Flags(CniPod pod, string name) => [.. pod.Node
        .ShellJson($"ip -json link show {name}")[0].GetProperty("flags").EnumerateArray()
        .Select(static flag => flag.GetString()!)];
}

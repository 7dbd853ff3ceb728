using System.Text.Json;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Pods that come, talk and go.</summary>
public sealed class AttachmentTests : IDisposable
{
    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    [Trait(KernelTrait.Name, KernelTrait.Both)]
    public void Pods_reach_each_other_and_the_gateway_in_both_families()
    {
        CniPod one = _host.NewPod();
        CniPod two = _host.NewPod();

        _host.Add(one).Success();
        _host.Add(two).Success();

        foreach (string address in (string[])["10.42.3.1", "10.42.3.3", "fd00:42:0:3::1", "fd00:42:0:3::3"])
        {
            one.Ping(address);
        }

        Assert.Equal(["10.42.3.2/24"], one.Addresses(is6: false));
        Assert.Equal(["fd00:42:0:3::3/64"], two.Addresses(is6: true));
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Every_version_attaches_and_detaches(string version)
    {
        if (version == "1.1.0")
        {
            _host.InstallNewestIpam();
        }

        _host.Version = version;
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        Assert.Equal(_host.Version, result.GetProperty("cniVersion").GetString());
        string address = version is "0.1.0" or "0.2.0"
            ? result.GetProperty("ip4").GetProperty("ip").GetString()!
            : result.GetProperty("ips")[0].GetProperty("address").GetString()!;
        Assert.Equal("10.42.3.2/24", address);
        if (version is not ("0.1.0" or "0.2.0"))
        {
            JsonElement interfaces = result.GetProperty("interfaces");
            Assert.Equal("cni0", interfaces[0].GetProperty("name").GetString());
            Assert.Equal(_host.Ports()[0], interfaces[1].GetProperty("name").GetString());
            Assert.Equal("eth0", interfaces[2].GetProperty("name").GetString());
            Assert.Equal(pod.Sandbox, interfaces[2].GetProperty("sandbox").GetString());
            Assert.Equal(pod.MacOf("eth0"), interfaces[2].GetProperty("mac").GetString());
            Assert.Equal(2, result.GetProperty("ips")[0].GetProperty("interface").GetInt32());
        }

        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void The_bridge_keeps_its_MAC_whatever_comes_and_goes()
    {
        CniPod[] pods = [_host.NewPod(), _host.NewPod(), _host.NewPod()];
        _host.Add(pods[0]).Success();
        string mac = BridgeMac();

        _host.Add(pods[1]).Success();
        _host.Delete(pods[0]).SilentSuccess();
        _host.Add(pods[2]).Success();
        _host.Delete(pods[1]).SilentSuccess();
        _host.Delete(pods[2]).SilentSuccess();

        Assert.Equal(mac, BridgeMac());
    }

    [Fact]
    public void A_name_that_is_taken_is_refused_and_the_first_attachment_lives_on()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        string[] data = _host.DataFiles();

        CniAnswer answer = _host.Add(pod);

        Assert.Equal(999, answer.Code);
        Assert.Matches(
            "^container veth name \\(\"eth0\"\\) peer provided \\(\"veth[0-9a-f]{8}\"\\) already exists$",
            answer.Message);
        Assert.Equal(data, _host.DataFiles());
        Assert.Equal(["10.42.3.2", "fd00:42:0:3::2"], _host.ReservedAddresses());
        pod.Ping("10.42.3.1");
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void DEL_may_come_again()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();

        _host.Delete(pod).SilentSuccess();
        _host.Delete(pod).SilentSuccess();

        _host.AssertClean();
    }

    [Fact]
    public void DEL_of_what_never_was_succeeds()
    {
        _host.Delete(_host.NewPod()).SilentSuccess();
        _host.SetSubnetEnv("");
        _host.Delete(_host.NewPod()).SilentSuccess();

        _host.AssertClean();
    }

    [Theory]
    [InlineData("")]
    [InlineData("missing")]
    [InlineData("file")]
    public void DEL_releases_the_address_of_a_pod_whose_namespace_is_gone(string path)
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        pod.Node.Shell("ip link del eth0");
        string stale = path.Length == 0 ? "" : _host.Folder.File(path);
        if (path == "file")
        {
            File.WriteAllText(stale, "");
        }

        _host.Call("DEL", pod, null, ("CNI_NETNS", stale)).SilentSuccess();

        _host.AssertClean();
    }

    [Fact]
    public void What_the_runtime_wants_reaches_the_pod_and_IPAM()
    {
        _host.More = """, "runtimeConfig": { "mac": "c2:11:22:33:44:55", "ips": ["10.42.3.77/24"] }""";
        _host.SetSubnetEnv(CniHost.IPv4 + "FLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n");
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        Assert.Equal("c2:11:22:33:44:55", pod.MacOf("eth0"));
        Assert.Equal("c2:11:22:33:44:55", result.GetProperty("interfaces")[2].GetProperty("mac").GetString());
        Assert.Equal(["10.42.3.77/24"], pod.Addresses(is6: false));
        Assert.Equal(1400, pod.Node.ShellJson("ip -json link show eth0")[0].GetProperty("mtu").GetInt32());
    }

    [Fact]
    public void Duplicate_routes_of_the_users_are_no_error()
    {
        _host.Ipam =
            """, "routes": [ { "dst": "0.0.0.0/0" }, { "dst": "10.42.0.0/16" }, { "dst": "192.168.9.0/24" } ]""";
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        string routes = pod.Node.Shell("ip -4 route show");
        Assert.Contains("default via 10.42.3.1", routes, StringComparison.Ordinal);
        Assert.Contains("192.168.9.0/24 via 10.42.3.1", routes, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_networks_of_one_pod_do_not_hinder_each_other()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        _host.Network = "second";
        _host.Delegate = """{ "bridge": "cni1", "isGateway": true, "forceAddress": true }""";
        _host.Call("ADD", pod, null, ("CNI_IFNAME", "net1")).Success();

        _host.Call("DEL", pod, null, ("CNI_IFNAME", "net1")).SilentSuccess();
        Assert.Empty(_host.ReservedAddresses());
        _host.Network = "cbr0";
        _host.Delegate = CniHost.UsualDelegate;
        _host.Delete(pod).SilentSuccess();

        _host.Node.Shell("ip link del cni1");
        _host.AssertClean();
    }

    [Fact]
    public void A_bridge_in_promiscuous_mode_and_isolated_ports_are_made()
    {
        _host.Delegate = """{ "promiscMode": true, "portIsolation": true }""";

        _host.Add(_host.NewPod()).Success();

        JsonElement bridge = _host.Node.ShellJson("ip -json -details link show cni0")[0];
        Assert.Equal(1, bridge.GetProperty("promiscuity").GetInt32());
        Assert.Contains("isolated on", _host.Node.Shell("bridge -details link show"), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_IPAM_there_is_a_link_and_no_address()
    {
        _host.Delegate = "{}";
        _host.Ipam = """, "type": "" """;
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        Assert.False(result.TryGetProperty("ips", out _));
        Assert.Empty(pod.Addresses(is6: false));
        Assert.Equal("UP", pod.Node.ShellJson("ip -json link show eth0")[0].GetProperty("operstate").GetString());
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void Sixteen_pods_at_once_have_an_address_each()
    {
        CniPod[] pods = [.. Enumerable.Range(0, 16).Select(_ => _host.NewPod())];

        CniAnswer[] added = [.. pods.AsParallel().WithDegreeOfParallelism(16).Select(_host.Add)];

        IEnumerable<JsonElement> ips = added.Select(static answer => answer.Success().GetProperty("ips")[0]);
        Assert.Equal(16, ips.Select(static ip => ip.GetProperty("address").GetString()).Distinct().Count());
        Assert.Equal(16, _host.Ports().Length);
        foreach (CniPod pod in pods)
        {
            pod.Ping("10.42.3.1");
        }

        CniAnswer[] deleted = [.. pods.AsParallel().WithDegreeOfParallelism(16).Select(_host.Delete)];
        Assert.All(deleted, static answer => answer.SilentSuccess());
        _host.AssertClean();
    }

    private string BridgeMac() =>
        _host.Node.ShellJson("ip -json link show cni0")[0].GetProperty("address").GetString()!;
}

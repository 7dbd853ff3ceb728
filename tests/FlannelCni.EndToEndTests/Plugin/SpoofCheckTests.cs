using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Pods that can send with their own MAC only.</summary>
[Trait(KernelTrait.Name, KernelTrait.Guest)]
public sealed class SpoofCheckTests : IDisposable
{
    private const string Option = """{ "isDefaultGateway": true, "macspoofchk": true }""";

    private readonly CniHost _host;

    public SpoofCheckTests()
    {
        KernelTrait.RequireGuest();
        _host = new CniHost { Delegate = Option };
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_pod_that_takes_another_MAC_is_heard_no_more()
    {
        CniPod pod = _host.NewPod();
        CniPod other = _host.NewPod();
        _host.Add(pod).Success();
        _host.Add(other).Success();
        pod.Ping("10.42.3.1");

        pod.Node.Shell("ip link set eth0 address 0e:00:00:00:00:99; ip neighbour flush dev eth0");

        Assert.Throws<InvalidOperationException>(() => pod.Ping("10.42.3.1"));
        other.Ping("10.42.3.1");
        _host.Delete(pod).SilentSuccess();
        Assert.DoesNotContain(pod.Id, Rules(), StringComparison.Ordinal);
        Assert.Contains(other.Id, Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_go_with_a_pod_whose_namespace_is_gone()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        pod.Node.Shell("ip link del eth0");

        _host.Call("DEL", pod, null, ("CNI_NETNS", "")).SilentSuccess();

        Assert.DoesNotContain(pod.Id, Rules(), StringComparison.Ordinal);
        _host.AssertClean();
    }

    [Fact]
    public void Rules_that_a_killed_ADD_left_are_replaced()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        string whole = Rules();
        pod.Node.Shell("ip link del eth0");
        File.Delete(Path.Combine(_host.IpamDir, "cbr0", "10.42.3.2"));
        File.Delete(Path.Combine(_host.IpamDir, "cbr0", "fd00:42:0:3::2"));

        _host.Add(pod).Success();

        Assert.Equal(whole.Split('\n').Length, Rules().Split('\n').Length);
        pod.Ping("10.42.3.1");
    }

    [Fact]
    public void Upstreams_bridge_removes_our_rules_and_we_its()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, pod.Id));
        string flannel = _host.Executable;

        _host.Executable = $"{CniHost.PluginFolder}/bridge";
        _host.Call("DEL", pod, rendered).SilentSuccess();
        Assert.DoesNotContain(pod.Id, Rules(), StringComparison.Ordinal);
        _host.Call("ADD", pod, rendered).Success();
        Assert.Contains(pod.Id, Rules(), StringComparison.Ordinal);

        _host.Executable = flannel;
        _host.Delete(pod).SilentSuccess();
        Assert.DoesNotContain(pod.Id, Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void CHECK_says_what_the_rules_have_lost()
    {
        CniPod pod = Added("1.0.0");
        string chain = $"cni-br-iface-{pod.Id}-eth0";
        string mac = pod.MacOf("eth0");
        _host.Call("CHECK", pod).SilentSuccess();

        foreach ((string harm, string expected) in (ReadOnlySpan<(string, string)>)
        [
            ($"insert rule bridge nat {chain}-mac accept",
                $"chain {chain}-mac of the spoof check does not let just {mac} pass"),
            ($"flush chain bridge nat {chain}", $"chain {chain} of the spoof check does not let just {mac} pass"),
            ("flush chain bridge nat PREROUTING", $"no rule of the spoof check is about {_host.Ports()[0]}"),
            ("delete table bridge nat", $"no rule of the spoof check is about {_host.Ports()[0]}"),
        ])
        {
            _host.Node.Shell($"nft {harm}");

            _host.Call("CHECK", pod).Failure(999, $"check: {expected}");
        }
    }

    [Fact]
    public void CHECK_finds_upstreams_rules_right()
    {
        CniPod pod = Added("1.0.0");
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, pod.Id));
        string flannel = _host.Executable;
        _host.Executable = $"{CniHost.PluginFolder}/bridge";
        _host.Call("DEL", pod, rendered).SilentSuccess();
        _host.More = $", \"prevResult\": {_host.Call("ADD", pod, rendered).Success().GetRawText()}";
        _host.Executable = flannel;

        _host.Call("CHECK", pod).SilentSuccess();
    }

    [Fact]
    public void GC_takes_rules_of_which_nothing_else_is_left_and_no_others()
    {
        _host.InstallNewestIpam();
        CniPod stays = Added("1.1.0");
        CniPod goes = Added("1.1.0");
        goes.Node.Shell("ip link del eth0");
        File.Delete(Path.Combine(_host.DataDir, goes.Id));
        Array.ForEach(["10.42.3.3", "fd00:42:0:3::3"], name => File.Delete(Path.Combine(_host.IpamDir, "cbr0", name)));

        // Of a pod of another network, which nobody here knows of.
        _host.Node.Shell(
            """
            ip link add other type bridge
            nft add chain bridge nat cni-br-iface-foreign-eth0
            nft add rule bridge nat PREROUTING iifname other jump cni-br-iface-foreign-eth0 \
              comment macspoofchk-foreign-eth0
            nft add chain bridge nat cni-br-iface-half-eth0-mac
            nft add rule bridge nat cni-br-iface-half-eth0-mac drop comment macspoofchk-half-eth0
            """);
        _host.More = $$""", "cni.dev/valid-attachments": [ { "containerID": "{{stays.Id}}", "ifname": "eth0" } ]""";

        _host.Call("GC", stays).SilentSuccess();

        string rules = Rules();
        Assert.DoesNotContain(goes.Id, rules, StringComparison.Ordinal);
        Assert.DoesNotContain("half", rules, StringComparison.Ordinal);
        Assert.Contains($"macspoofchk-{stays.Id}-eth0", rules, StringComparison.Ordinal);
        Assert.Contains("macspoofchk-foreign-eth0", rules, StringComparison.Ordinal);
        stays.Ping("10.42.3.1");
    }

    private CniPod Added(string version)
    {
        _host.Version = version;
        _host.More = "";
        CniPod pod = _host.NewPod();
        _host.More = $", \"prevResult\": {_host.Add(pod).Success().GetRawText()}";
        return pod;
    }

    private string Rules() => _host.Node.Shell("nft list table bridge nat");
}

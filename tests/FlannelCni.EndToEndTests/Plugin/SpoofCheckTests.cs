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

    private string Rules() => _host.Node.Shell("nft list table bridge nat");
}

using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Masquerade rules in iptables, ours and those of the distribution's bridge plugin.</summary>
public sealed class IptablesMasqueradeTests : IDisposable
{
    private readonly CniHost _host = new()
    {
        Delegate = """{ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": "iptables" }""",
    };

    private readonly TestNode _outside = TestNode.Create();
    private string _path = "/usr/sbin:/usr/bin:/sbin:/bin";

    public IptablesMasqueradeTests()
    {
        // It knows no way back to the pods: who gets an answer was masqueraded.
        _host.Node.Shell($"ip link add up0 type veth peer name eth0 netns {_outside.NamespacePath}");
        _host.Node.Shell("ip address add 198.51.100.1/24 dev up0; ip -6 address add 2001:db8:1::1/64 dev up0 nodad");
        _host.Node.Shell("ip link set up0 up");
        _outside.Shell("ip address add 198.51.100.2/24 dev eth0; ip -6 address add 2001:db8:1::2/64 dev eth0 nodad");
        _outside.Shell("ip link set eth0 up");
    }

    public void Dispose()
    {
        _host.Dispose();
        _outside.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("legacy")]
    public void A_pod_is_answered_from_outside_until_it_goes(string variant)
    {
        UseVariant(variant);
        CniPod one = _host.NewPod();
        CniPod two = _host.NewPod();
        string before = Rules(variant);
        Add(one).Success();
        string withOne = Rules(variant);

        Add(two).Success();
        two.Ping("198.51.100.2");
        two.Ping("2001:db8:1::2");
        Assert.Contains($"-s 10.42.3.3/32 -m comment --comment \"name: \\\"cbr0\\\" id: \\\"{two.Id}\\\"\" -j CNI-",
            Rules(variant), StringComparison.Ordinal);
        Assert.DoesNotContain("cni_plugins_masquerade", _host.Node.Shell("nft list tables"), StringComparison.Ordinal);

        Delete(two).SilentSuccess();
        Assert.Equal(withOne, Rules(variant));
        one.Ping("198.51.100.2");

        Delete(one).SilentSuccess();
        Assert.Equal(before, Rules(variant));
    }

    [Theory]
    [InlineData("")]
    [InlineData("legacy")]
    public void A_pod_whose_namespace_is_gone_takes_its_rules_with_it(string variant)
    {
        UseVariant(variant);
        CniPod pod = _host.NewPod();
        string before = Rules(variant);
        Add(pod).Success();

        pod.Node.Shell("ip link del eth0");
        _host.Call("DEL", pod, null, ("CNI_NETNS", ""), ("PATH", _path)).SilentSuccess();

        Assert.Equal(before, Rules(variant));
    }

    [Theory]
    [InlineData("")]
    [InlineData("legacy")]
    public void Rules_that_upstream_made_go_with_its_pod(string variant)
    {
        UseVariant(variant);
        CniPod ours = _host.NewPod();
        Add(ours).Success();
        Delete(ours).SilentSuccess();
        string before = Rules(variant);
        CniPod pod = _host.NewPod();
        string rendered = Rendered(pod);

        CallUpstream("ADD", pod, rendered).Success();
        Assert.Contains($"id: \\\"{pod.Id}\\\"", Rules(variant), StringComparison.Ordinal);

        Delete(pod).SilentSuccess();

        Assert.Equal(before, Rules(variant));
    }

    [Theory]
    [InlineData("")]
    [InlineData("legacy")]
    public void GC_takes_rules_of_which_nothing_else_is_left(string variant)
    {
        UseVariant(variant);
        _host.Version = "1.1.0";
        _host.InstallNewestIpam();
        CniPod stays = _host.NewPod();
        CniPod goes = _host.NewPod();
        Add(stays).Success();
        string kept = Rules(variant);
        Add(goes).Success();
        File.Delete(Path.Combine(_host.DataDir, goes.Id));
        Array.ForEach(["10.42.3.3", "fd00:42:0:3::3"], name => File.Delete(Path.Combine(_host.IpamDir, "cbr0", name)));

        _host.More = $$""", "cni.dev/valid-attachments": [ { "containerID": "{{stays.Id}}", "ifname": "eth0" } ]""";
        _host.Call("GC", stays, null, ("PATH", _path)).SilentSuccess();

        Assert.Equal(kept, Rules(variant));
    }

    [Fact]
    public void Upstream_makes_the_same_rules_and_removes_ours()
    {
        CniPod pod = _host.NewPod();
        string before = Rules("");
        Add(pod).Success();
        string ours = Rules("");
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, pod.Id));
        CallUpstream("DEL", pod, rendered).SilentSuccess();
        Assert.Equal(before, Rules(""));

        File.Delete(Path.Combine(_host.IpamDir, "cbr0", "last_reserved_ip.0"));
        File.Delete(Path.Combine(_host.IpamDir, "cbr0", "last_reserved_ip.1"));
        CallUpstream("ADD", pod, rendered).Success();

        Assert.Equal(ours, Rules(""));
    }

    private CniAnswer Add(CniPod pod) => _host.Call("ADD", pod, null, ("PATH", _path));

    private CniAnswer Delete(CniPod pod) => _host.Call("DEL", pod, null, ("PATH", _path));

    /// <summary>Programs are looked for in PATH first.</summary>
    private void UseVariant(string variant)
    {
        if (variant.Length > 0)
        {
            string folder = _host.Folder.File("bin");
            Directory.CreateDirectory(folder);
            foreach (string program in (string[])["iptables", "ip6tables"])
            {
                File.CreateSymbolicLink($"{folder}/{program}", $"/usr/sbin/{program}-{variant}");
                File.CreateSymbolicLink($"{folder}/{program}-restore", $"/usr/sbin/{program}-{variant}-restore");
            }

            _path = $"{folder}:{_path}";
        }
    }

    private string Rules(string variant)
    {
        string suffix = variant.Length == 0 ? "" : $"-{variant}";
        return _host.Node.Shell($"iptables{suffix} -t nat -S; ip6tables{suffix} -t nat -S");
    }

    /// <summary>What ADD would save, saved, as upstream's flannel does before it calls the bridge plugin.</summary>
    private string Rendered(CniPod pod)
    {
        CniPod other = _host.NewPod();
        Add(other).Success();
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, other.Id));
        Delete(other).SilentSuccess();
        File.WriteAllText(Path.Combine(_host.DataDir, pod.Id), rendered);
        return rendered;
    }

    private CniAnswer CallUpstream(string verb, CniPod pod, string config)
    {
        string ours = _host.Executable;
        _host.Executable = $"{CniHost.PluginFolder}/bridge";
        try
        {
            return _host.Call(verb, pod, config, ("PATH", _path));
        }
        finally
        {
            _host.Executable = ours;
        }
    }
}

using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>What pods send outside, where the agent does not masquerade.</summary>
public sealed class MasqueradeTests : IDisposable
{
    private const string Table = "nft list table inet cni_plugins_masquerade";

    private readonly CniHost _host = new() { Delegate = """{ "isDefaultGateway": true, "ipMasq": true }""" };
    private readonly TestNode _outside = TestNode.Create();

    public MasqueradeTests()
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

    [Fact]
    public void A_pod_is_answered_from_outside_until_it_goes()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();

        pod.Ping("198.51.100.2");
        pod.Ping("2001:db8:1::2");
        string rules = _host.Node.Shell(Table);
        Assert.Contains("ip saddr 10.42.3.2 ip daddr != 10.42.3.0/24 masquerade", rules, StringComparison.Ordinal);
        Assert.Contains($"net: cbr0, if: eth0, id: {pod.Id}\"", rules, StringComparison.Ordinal);

        _host.Delete(pod).SilentSuccess();

        Assert.DoesNotContain("saddr", _host.Node.Shell(Table), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nft flush chain inet cni_plugins_masquerade postrouting")]
    [InlineData("nft delete table inet cni_plugins_masquerade")]
    [InlineData("nft add rule inet cni_plugins_masquerade postrouting accept")]
    public void What_the_rules_hang_on_is_put_right_by_the_next_ADD(string harm)
    {
        _host.Add(_host.NewPod()).Success();
        string right = PostRouting();
        _host.Node.Shell(harm);
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        pod.Ping("198.51.100.2");
        pod.Ping("2001:db8:1::2");
        Assert.Equal(Numberless(right), Numberless(PostRouting()));
    }

    [Fact]
    public void What_is_right_is_left_alone()
    {
        _host.Add(_host.NewPod()).Success();
        string right = PostRouting();

        _host.Add(_host.NewPod()).Success();

        Assert.Equal(right, PostRouting());
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("/nowhere/ns", true)]
    [InlineData("", false)]
    public void The_rules_of_a_pod_whose_namespace_is_gone_go_too(string sandbox, bool hasScratch)
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        pod.Node.Shell("ip link del eth0");
        if (!hasScratch)
        {
            File.Delete(System.IO.Path.Combine(_host.DataDir, pod.Id));
            File.Delete(_host.Folder.File("subnet.env"));
        }

        _host.Call("DEL", pod, null, ("CNI_NETNS", sandbox)).SilentSuccess();

        Assert.DoesNotContain("saddr", _host.Node.Shell(Table), StringComparison.Ordinal);
        _host.Node.Shell("ip link del up0");
        _host.AssertClean();
    }

    [Fact]
    public void Only_the_rules_of_the_pod_that_goes_are_removed()
    {
        CniPod one = _host.NewPod();
        CniPod two = _host.NewPod();
        _host.Add(one).Success();
        _host.Add(two).Success();

        _host.Delete(one).SilentSuccess();

        two.Ping("198.51.100.2");
        string rules = _host.Node.Shell(Table);
        Assert.DoesNotContain("10.42.3.2 ", rules, StringComparison.Ordinal);
        Assert.Contains("10.42.3.3 ", rules, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pod_sees_its_neighbours_own_addresses()
    {
        CniPod one = _host.NewPod();
        CniPod two = _host.NewPod();
        _host.Add(one).Success();
        _host.Add(two).Success();
        _host.Node.Shell("nft add table ip judge");
        _host.Node.Shell("nft 'add chain ip judge after { type filter hook postrouting priority 200; }'");
        _host.Node.Shell("nft add rule ip judge after ip daddr 10.42.3.3 ip saddr 10.42.3.2 counter accept");

        one.Ping("10.42.3.3");

        // Neither bridged nor routed packets were given another source.
        Assert.DoesNotContain("10.42.3.1", two.Node.Shell("ip neighbour show 10.42.3.2"), StringComparison.Ordinal);
        Assert.Contains("10.42.3.2", two.Node.Shell("ip neighbour show"), StringComparison.Ordinal);
    }

    private string PostRouting() => _host.Node.Shell("nft -a list chain inet cni_plugins_masquerade postrouting");

    /// <summary>Without the rules' handles.</summary>
    private static string Numberless(string listing) => string.Join(
        '\n', listing.Split('\n').Select(static line => line.Split("# handle")[0]));
}

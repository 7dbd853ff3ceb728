using FlannelCni.Linux.Processes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>An ADD that fails says why, and leaves nothing behind.</summary>
public sealed class FailureTests : IDisposable
{
    private readonly CniHost _host = new(CniHost.IPv4);

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_missing_subnet_file_is_the_best_known_error_of_flannel()
    {
        string file = _host.Folder.File("subnet.env");
        File.Delete(file);

        Refused(
            999,
            $"failed to load flannel 'subnet.env' file: open {file}: no such file or directory. "
            + "Check the flannel pod log for this node.");
    }

    [Fact]
    public void A_torn_subnet_file_is_refused()
    {
        _host.SetSubnetEnv(CniHost.IPv4 + "FLANNEL_MT");

        Refused(
            999,
            $"failed to load flannel 'subnet.env' file: {_host.Folder.File("subnet.env")} is missing "
            + "FLANNEL_MTU, FLANNEL_IPMASQ. Check the flannel pod log for this node.");
    }

    [Fact]
    public async Task A_subnet_file_that_comes_in_time_is_waited_for()
    {
        string file = _host.Folder.File("subnet.env");
        string content = File.ReadAllText(file);
        File.Delete(file);
        _host.More = """, "subnetWaitSeconds": 30 """;
        CniPod pod = _host.NewPod();
        using ChildProcess add = _host.Start("ADD", pod);
        Task<ChildResult> end = add.WaitAsync(TestContext.Current.CancellationToken);
        await Task.WhenAny(
            end, Task.Delay(TimeSpan.FromSeconds(0.3), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.False(end.IsCompleted);
        Assert.Empty(_host.DataFiles());

        // A part of it is not it.
        File.WriteAllText(file, CniHost.IPv4);
        File.WriteAllText(file + ".new", content);
        File.Move(file + ".new", file, overwrite: true);

        CniAnswer.Of(await end).Success();
        pod.Ping("10.42.3.1");
    }

    [Fact]
    public void A_subnet_file_that_does_not_come_in_time_is_the_usual_error()
    {
        string file = _host.Folder.File("subnet.env");
        File.Delete(file);
        _host.More = """, "subnetWaitSeconds": 1 """;

        Refused(
            999,
            $"failed to load flannel 'subnet.env' file: open {file}: no such file or directory. "
            + "Check the flannel pod log for this node.");
    }

    [Theory]
    [InlineData("-1", "\"subnetWaitSeconds\" is -1")]
    [InlineData("\"5\"", "\"subnetWaitSeconds\" is a string, a number is expected")]
    public void A_wait_that_is_none_is_refused(string seconds, string because)
    {
        _host.More = $", \"subnetWaitSeconds\": {seconds}";

        Refused(999, $"failed to load flannel netconf file: failed to load netconf: {because}");
    }

    [Fact]
    public void A_missing_IPAM_plugin_is_named()
    {
        _host.Path = $"/nowhere:{_host.Folder.Path}";

        Refused(999, $"failed to find plugin \"host-local\" in path [/nowhere {_host.Folder.Path}]");
    }

    [Fact]
    public void IPAMs_own_error_is_passed_on()
    {
        _host.SetSubnetEnv(
            "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/30\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        CniPod first = _host.NewPod();
        _host.Add(first).Success();

        CniAnswer answer = _host.Add(_host.NewPod());

        Assert.Equal(
            "failed to allocate for range 0: no IP addresses available in range set: 10.42.3.1-10.42.3.2",
            answer.Message);
        Assert.Equal(999, answer.Code);
        _host.Delete(first).SilentSuccess();
        _host.AssertClean();
    }

    [Theory]
    [InlineData("""{"code":11,"msg":"come back later","details":"soon"}""", 11, "come back later", "soon")]
    [InlineData("""{"code":1234,"msg":"my own"}""", 1234, "my own", "")]
    public void A_code_of_IPAMs_is_kept_and_so_is_what_it_says_aside(
        string output, int code, string message, string details)
    {
        _host.InstallIpam($"cat > /dev/null; echo noise >&2; echo '{output}'; exit 1");

        CniAnswer answer = _host.Add(_host.NewPod());

        answer.Failure(code, message);
        Assert.Equal(details, answer.Details);
        Assert.Contains("noise", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_is_taken_back_is_undone()
    {
        // It prints an address and fails all the same.
        _host.InstallIpam("""cat > /dev/null; echo '{"ips":[{"address":"10.42.3.9/24"}]}'; sleep 0.2; exit 7""");

        CniAnswer answer = _host.Add(_host.NewPod());

        Assert.Equal(1, answer.ExitStatus);
        Assert.Empty(_host.Ports());
    }

    [Fact]
    public void IPAM_without_an_address_is_an_error()
    {
        _host.InstallIpam("""cat > /dev/null; echo '{"cniVersion":"0.3.1"}'""");

        Refused(999, "IPAM plugin returned missing IP config");
    }

    [Fact]
    public void Another_address_of_the_bridge_is_refused_unless_forced()
    {
        _host.Node.Shell("ip link add cni0 type bridge; ip address add 10.42.9.1/24 dev cni0");

        Refused(999, "failed to set bridge addr: \"cni0\" already has an IP address different from 10.42.3.1/24");

        _host.Delegate = """{ "isGateway": true, "forceAddress": true }""";
        _host.Add(_host.NewPod()).Success();
        string addresses = _host.Node.Shell("ip -4 address show cni0");
        Assert.Contains("10.42.3.1/24", addresses, StringComparison.Ordinal);
        Assert.DoesNotContain("10.42.9.1", addresses, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_is_no_bridge_is_refused()
    {
        _host.Node.Shell("ip link add cni0 type veth peer name far");
        CniPod pod = _host.NewPod();

        _host.Add(pod).Failure(999, "failed to create bridge \"cni0\": \"cni0\" already exists but is not a bridge");

        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.ReservedAddresses());
    }

    [Theory]
    [InlineData("""{ "vlan": 5000 }""", "invalid VLAN ID 5000 (must be between 0 and 4094)")]
    [InlineData("""{ "vlanTrunk": [ { "id": 0 } ] }""", "incorrect trunk id parameter")]
    [InlineData("""{ "ipMasq": true, "ipMasqBackend": "pf" }""", "unknown ipmasq backend \"pf\"")]
    public void An_option_out_of_range_is_refused(string users, string message)
    {
        _host.Delegate = users;

        Refused(999, message);
    }

    [Fact]
    public void A_namespace_that_is_none_is_refused()
    {
        CniPod pod = _host.NewPod();

        CniAnswer answer = _host.Call("ADD", pod, null, ("CNI_NETNS", "/proc/self/cmdline"));

        Assert.Equal(999, answer.Code);
        Assert.StartsWith("failed to open netns \"/proc/self/cmdline\": ", answer.Message, StringComparison.Ordinal);
        _host.AssertClean();
    }

    [Fact]
    public void The_oldest_versions_cannot_say_a_pod_without_an_address()
    {
        _host.Version = "0.2.0";
        _host.Delegate = "{}";
        _host.Ipam = """, "type": "" """;

        Refused(999, "cannot convert: no valid IP addresses");
    }

    private void Refused(int code, string message)
    {
        CniAnswer answer = _host.Add(_host.NewPod());

        answer.Failure(code, message);
        Assert.Empty(_host.Ports());
        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.ReservedAddresses());
    }
}

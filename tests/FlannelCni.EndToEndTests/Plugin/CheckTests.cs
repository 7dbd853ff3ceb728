using System.Text.Json;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>CHECK: all is as ADD left it, or what is not.</summary>
public sealed class CheckTests : IDisposable
{
    private readonly CniHost _host = new() { Version = "1.0.0" };
    private readonly CniPod _pod;
    private string _result;

    public CheckTests()
    {
        _pod = _host.NewPod();
        _result = _host.Add(_pod).Success().GetRawText();
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void What_was_just_made_is_right_and_stays_as_it_is()
    {
        string before = _pod.Node.Shell("ip -oneline address show scope global; ip route");

        Check().SilentSuccess();
        Check().SilentSuccess();

        Assert.Equal(before, _pod.Node.Shell("ip -oneline address show scope global; ip route"));
    }

    [Theory]
    [InlineData("0.4.0", CniHost.UsualDelegate)]
    [InlineData("1.0.0", """{ "isDefaultGateway": true, "ipMasq": true, "promiscMode": true }""")]
    [InlineData("1.0.0", """{ "isGateway": true, "portIsolation": true, "hairpinMode": true }""")]
    [InlineData("1.0.0", """{ "isGateway": false }""")]
    public void Every_version_that_has_it_and_every_option_is_right(string version, string users)
    {
        using CniHost host = new() { Version = version, Delegate = users };
        CniPod pod = host.NewPod();
        string result = host.Add(pod).Success().GetRawText();

        host.More = $", \"prevResult\": {result}";
        host.Call("CHECK", pod).SilentSuccess();
    }

    [Fact]
    public void Without_IPAM_there_is_no_address_to_look_for()
    {
        using CniHost host = new() { Version = "1.0.0", Delegate = "{}", Ipam = """, "type": "" """ };
        CniPod pod = host.NewPod();
        string result = host.Add(pod).Success().GetRawText();

        host.More = $", \"prevResult\": {result}";
        host.Call("CHECK", pod).SilentSuccess();
    }

    [Theory]
    [InlineData("ip link set eth0 down", "the pod's eth0 is down")]
    [InlineData("ip address del 10.42.3.2/24 dev eth0", "the pod's eth0 has no address 10.42.3.2/24")]
    [InlineData("ip -6 address del fd00:42:0:3::2/64 dev eth0", "the pod's eth0 has no address fd00:42:0:3::2/64")]
    [InlineData("ip route del default", "the pod has no route to 0.0.0.0/0 via 10.42.3.1")]
    [InlineData("ip route del 10.42.0.0/16", "the pod has no route to 10.42.0.0/16")]
    [InlineData("ip route del 10.42.3.0/24", "the pod has no route to 10.42.3.0/24")]
    [InlineData("ip -6 route del fd00:42::/56", "the pod has no route to fd00:42::/56")]
    [InlineData("ip link set eth0 address 02:00:00:00:00:01", "eth0 has the address 02:00:00:00:00:01, not …")]
    [InlineData("ip link del eth0", "the pod's eth0 is gone")]
    [InlineData(
        "ip link del eth0; ip link add eth0 type bridge; ip link set eth0 up", "the pod's eth0 is no veth")]
    [InlineData(
        "ip link set eth0 name eth9; ip link add eth0 type veth peer name far; ip link set eth0 up",
        "eth0 has the address …, not …")]
    public void What_the_pod_has_lost_is_named(string harm, string expected) => Found(_pod.Node.Shell, harm, expected);

    [Theory]
    [InlineData("ip link del cni0", "bridge cni0 is gone")]
    [InlineData("ip link set cni0 down", "bridge cni0 is down")]
    [InlineData("ip link set cni0 address 02:00:00:00:00:01", "cni0 has the address 02:00:00:00:00:01, not …")]
    [InlineData("ip link set VETH nomaster", "… is no port of bridge cni0")]
    [InlineData("ip link set VETH down", "… is down")]
    [InlineData("bridge link set dev VETH hairpin off", "… is not in hairpin mode")]
    [InlineData(
        "ip address del 10.42.3.1/24 dev cni0", "the host has lost the gateway's address 10.42.3.1/24")]
    [InlineData(
        "ip link set VETH down; ip link set VETH name else; ip link set else up",
        "prevResult has no interface else, where the pod's eth0 leads to")]
    public void What_the_host_has_lost_is_named(string harm, string expected) => Found(
        _host.Node.Shell, harm.Replace("VETH", _host.Ports()[0], StringComparison.Ordinal), expected);

    [Fact]
    public void A_pod_that_leads_to_another_host_is_named()
    {
        using CniHost other = new();

        Found(
            _host.Node.Shell,
            $"ip link set {_host.Ports()[0]} netns {other.Node.NamespacePath}",
            "the pod's eth0 has no other end on this host");
    }

    [Fact]
    public void A_lost_reservation_is_IPAMs_to_complain_of()
    {
        Directory.Delete(_host.IpamDir, recursive: true);

        CniAnswer answer = Check();

        Assert.Equal(1, answer.ExitStatus);
        Assert.Contains("Failed to find address added by container", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_listener_on_the_bridge_is_no_fault()
    {
        using FlannelCni.Linux.Processes.ChildProcess listener =
            _host.Node.Start("exec tcpdump -i cni0 -w /dev/null --immediate-mode");
        Assert.True(SpinWait.SpinUntil(
            () => _host.Node.ShellJson("ip -json -details link show cni0")[0].GetProperty("promiscuity").GetInt32() > 0,
            TimeSpan.FromSeconds(10)));

        Check().SilentSuccess();

        listener.Kill();
        listener.Wait();
    }

    [Fact]
    public void Interfaces_and_addresses_of_later_plugins_are_theirs()
    {
        _result = _result.Replace(
            "\"ips\": [",
            """
            "ips": [ { "address": "192.0.2.7/24", "interface": 0 },
            """,
            StringComparison.Ordinal);

        Check().SilentSuccess();
    }

    [Theory]
    [InlineData("", 999, "Required prevResult missing")]
    [InlineData(", \"prevResult\": null", 999, "Required prevResult missing")]
    [InlineData(
        """, "prevResult": { "cniVersion": "0.3.1" }""",
        6,
        "could not parse prevResult: result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is \"0.3.1\"")]
    [InlineData(
        """, "prevResult": { "ips": [ { "address": "x" } ] }""",
        6,
        "could not parse prevResult: invalid CIDR address: x")]
    [InlineData(
        """, "prevResult": [] """,
        999,
        "failed to load flannel netconf file: failed to load netconf: "
        + "\"prevResult\" is a list, an object is expected")]
    [InlineData(""", "prevResult": { } """, 999, "check: prevResult has no bridge cni0")]
    [InlineData(
        """
        , "prevResult": { "interfaces": [ { "name": "cni0" } ] }
        """,
        999,
        "check: prevResult has no interface eth0 in …")]
    public void A_prevResult_that_is_none_is_refused(string more, int code, string expected)
    {
        _host.More = more;

        CniAnswer answer = _host.Call("CHECK", _pod);

        Assert.Equal(code, answer.Code);
        AssertLike(expected, answer.Message);
    }

    [Fact]
    public void A_pod_that_is_gone_is_an_error()
    {
        _host.More = $", \"prevResult\": {_result}";

        CniAnswer answer = _host.Call("CHECK", _pod, null, ("CNI_NETNS", "/nowhere/ns"));

        Assert.StartsWith("failed to open netns \"/nowhere/ns\": ", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_ADD_went_by_counts_even_without_a_subnet_file()
    {
        File.Delete(_host.Folder.File("subnet.env"));
        _host.Delegate = """{ "promiscMode": true }""";

        Check().SilentSuccess();
    }

    [Fact]
    public void Another_delegate_is_executed_with_the_result()
    {
        using CniHost host = new() { Version = "1.0.0", Delegate = """{ "type": "other" }""" };
        string seen = host.Folder.File("seen");
        host.InstallPlugin("other", $$"""echo $CNI_COMMAND >&2; cat > {{seen}}; echo '{"cniVersion":"1.0.0"}'""");
        host.More = $", \"prevResult\": {_result}";

        CniAnswer answer = host.Call("CHECK", _pod);

        answer.SilentSuccess();
        Assert.Equal("CHECK\n", answer.Error);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(seen));
        Assert.Equal("other", document.RootElement.GetProperty("type").GetString());
        Assert.Equal(3, document.RootElement.GetProperty("prevResult").GetProperty("interfaces").GetArrayLength());
        host.InstallPlugin("other", """cat > /dev/null; echo '{"code":120,"msg":"not as it was"}'; exit 1""");
        host.Call("CHECK", _pod).Failure(120, "not as it was");
    }

    private void Found(Func<string, string, string> shell, string harm, string expected)
    {
        _ = shell(harm, "");

        CniAnswer answer = Check();

        Assert.Equal(999, answer.Code);
        AssertLike($"check: {expected}", answer.Message);
    }

    private CniAnswer Check()
    {
        _host.More = $", \"prevResult\": {_result}";
        return _host.Call("CHECK", _pod);
    }

    /// <param name="expected">Where it has an ellipsis anything may be.</param>
    private static void AssertLike(string expected, string actual)
    {
        string[] pieces = expected.Split('…');
        Assert.StartsWith(pieces[0], actual, StringComparison.Ordinal);
        Assert.EndsWith(pieces[^1], actual, StringComparison.Ordinal);
        Assert.All(pieces, piece => Assert.Contains(piece, actual, StringComparison.Ordinal));
    }
}

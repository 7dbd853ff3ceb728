namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>The plugin as an executable: verbs, versions, and one document at the most.</summary>
public sealed class ProtocolTests : IDisposable
{
    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Without_a_verb_it_says_what_it_is()
    {
        CniAnswer answer = _host.Call("", _host.NewPod());

        Assert.Equal(0, answer.ExitStatus);
        Assert.Equal("", answer.Output);
        Assert.Equal(
            "CNI Plugin flannel version 0.1.0 (linux/amd64)\n"
            + "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n",
            answer.Error.Replace("arm64", "amd64", StringComparison.Ordinal));
    }

    [Fact]
    public void VERSION_is_one_line_whatever_the_input()
    {
        CniAnswer answer = _host.Call("VERSION", _host.NewPod(), config: "no json");

        Assert.Equal(0, answer.ExitStatus);
        Assert.Equal(
            """{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"""
            + "\n",
            answer.Output);
    }

    [Theory]
    [InlineData("WHAT", """{"name":"a"}""", 4, "unknown CNI_COMMAND: WHAT")]
    [InlineData("WHAT", "", 6, "error unmarshall network config: unexpected end of JSON input")]
    [InlineData("ADD", "{", 6, "error unmarshall network config: unexpected end of JSON input")]
    [InlineData("ADD", "{} {}", 6, "error unmarshall network config: invalid character '{' after top-level value")]
    [InlineData("ADD", """{"cniVersion":"0.3.1"}""", 7, "missing network name")]
    [InlineData("DEL", """{"name":"a/b"}""", 7, "invalid characters found in network name")]
    [InlineData("ADD", """{"name":"a","cniVersion":"0.9.0"}""", 1, "incompatible CNI versions")]
    [InlineData("CHECK", """{"name":"a","cniVersion":"0.3.1"}""", 1, "config version does not allow CHECK")]
    [InlineData("STATUS", """{"name":"a","cniVersion":"1.0.0"}""", 1, "config version does not allow STATUS")]
    [InlineData("GC", """{"name":"a"}""", 1, "config version does not allow GC")]
    public void What_cannot_be_understood_is_one_document(string verb, string input, int code, string message)
    {
        CniAnswer answer = _host.Call(verb, _host.NewPod(), input);

        answer.Failure(code, message);
    }

    [Fact]
    public void A_missing_variable_is_named()
    {
        CniAnswer answer = _host.Call("ADD", _host.NewPod(), null, ("CNI_IFNAME", ""), ("CNI_PATH", ""));

        answer.Failure(4, "required env variables [CNI_IFNAME,CNI_PATH] missing");
    }

    [Theory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    public void The_hosts_own_namespace_is_refused_before_anything_is_touched(string verb)
    {
        CniPod pod = new(_host.Node, "host");
        _host.Node.Shell("ip link add eth0 type veth peer name far");

        CniAnswer answer = _host.Call(verb, pod);

        answer.Failure(8, "plugin's netns and netns from CNI_NETNS should not be the same");
        Assert.Equal(["eth0", "far"], _host.Ports());
        Assert.Empty(_host.DataFiles());
    }

    [Fact]
    public void The_hosts_own_namespace_is_fine_on_demand()
    {
        CniPod pod = new(_host.Node, "host");

        _host.Call("ADD", pod, null, ("CNI_NETNS_OVERRIDE", "TRUE")).Success();
        Assert.Contains("eth0", _host.Ports());

        _host.Call("DEL", pod, null, ("CNI_NETNS_OVERRIDE", "1")).SilentSuccess();
        _host.AssertClean();
    }
}

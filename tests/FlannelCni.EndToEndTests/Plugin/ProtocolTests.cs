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

    [Theory]
    [InlineData("0.3.2")]
    [InlineData("1.2.0")]
    [InlineData("1.0")]
    [InlineData("v1.0.0")]
    public void A_version_that_is_unknown_is_refused_with_the_known_ones(string version)
    {
        _host.Version = version;

        foreach (string verb in (string[])["ADD", "DEL"])
        {
            CniAnswer answer = _host.Call(verb, _host.NewPod());

            answer.Failure(1, "incompatible CNI versions");
            Assert.Equal(
                $"config is \"{version}\", plugin supports "
                + """["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]""",
                answer.Details);
        }

        _host.AssertClean();
    }

    [Theory]
    [InlineData("0.3.1", "0.2.0")]
    [InlineData("0.3.1", "1.0.0")]
    [InlineData("0.2.0", "1.1.0")]
    [InlineData("1.1.0", "0.1.0")]
    [InlineData("1.0.0", "0.4.0")]
    [InlineData("1.0.0", "")]
    public void IPAM_may_answer_in_another_version(string version, string ipams)
    {
        _host.Version = version;
        string routes = """ "routes": [ { "dst": "10.42.0.0/16" } ] """;
        string said = ipams is "0.1.0" or "0.2.0"
            ? $$""" "ip4": { "ip": "10.42.3.9/24", "gateway": "10.42.3.1", {{routes}} } """
            : $$""" "ips": [ { "address": "10.42.3.9/24", "gateway": "10.42.3.1" } ], {{routes}} """;
        _host.InstallIpam($"cat > /dev/null; echo '{{\"cniVersion\":\"{ipams}\",{said}}}'");
        CniPod pod = _host.NewPod();

        System.Text.Json.JsonElement result = _host.Add(pod).Success();

        Assert.Equal(version, result.GetProperty("cniVersion").GetString());
        Assert.Equal(["10.42.3.9/24"], pod.Addresses(is6: false));
        Assert.Equal(
            "10.42.3.9/24",
            version == "0.2.0"
                ? result.GetProperty("ip4").GetProperty("ip").GetString()
                : result.GetProperty("ips")[0].GetProperty("address").GetString());
        pod.Ping("10.42.3.1");
    }

    [Fact]
    public void A_program_that_is_being_replaced_is_waited_for()
    {
        string folder = _host.Folder.File("busy");
        Directory.CreateDirectory(folder);
        string copy = System.IO.Path.Combine(folder, "host-local");
        File.Copy($"{CniHost.PluginFolder}/host-local", copy);
        _host.Path = folder;
        FileStream writer = new(copy, FileMode.Open, FileAccess.Write);
        using FlannelCni.Linux.Processes.ChildProcess add = _host.Start("ADD", _host.NewPod());

        // It tries once a second.
        _ = _host.Node.Shell("sleep 0.5");
        writer.Dispose();

        CniAnswer.Of(add.Wait()).Success();
    }

    [Theory]
    [InlineData("exec PLUGIN > /dev/full", 1)]
    [InlineData("exec PLUGIN >&-", 1)]
    [InlineData("exec PLUGIN 2> /dev/full", 0)]
    [InlineData("exec PLUGIN 2>&-", 0)]
    public void A_stream_that_takes_nothing_is_no_crash(string script, int expected)
    {
        // What IPAM says aside has somewhere to go, or not.
        string real = _host.Executable;
        _host.InstallIpam($"echo aside >&2; exec {CniHost.PluginFolder}/host-local");
        _host.InstallPlugin("wrapper", script.Replace("PLUGIN", real, StringComparison.Ordinal));
        _host.Executable = System.IO.Path.Combine(_host.Path, "wrapper");
        CniPod pod = _host.NewPod();

        CniAnswer answer = _host.Add(pod);

        Assert.Equal(expected, answer.ExitStatus);
        _host.Executable = real;
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void An_input_that_cannot_be_read_is_an_error()
    {
        string real = _host.Executable;
        _host.InstallPlugin("wrapper", $"exec {real} <&-");
        _host.Executable = System.IO.Path.Combine(_host.Path, "wrapper");

        CniAnswer answer = _host.Add(_host.NewPod());

        answer.Failure(5, "error reading from stdin: read standard input: Bad file descriptor (EBADF)");
    }

    [Fact]
    public void Arguments_on_the_command_line_are_nothing()
    {
        string real = _host.Executable;
        _host.InstallPlugin("wrapper", $"exec {real} --version -h VERSION");
        _host.Executable = System.IO.Path.Combine(_host.Path, "wrapper");
        _host.Path = CniHost.PluginFolder;

        _host.Add(_host.NewPod()).Success();
    }
}

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>STATUS: 50 and why, exactly while ADD would fail.</summary>
public sealed class StatusTests : IDisposable
{
    private readonly CniHost _host = new() { Version = "1.1.0" };

    public StatusTests() => _host.InstallNewestIpam();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void It_is_silent_where_a_pod_starts_and_leaves_nothing()
    {
        Status().SilentSuccess();

        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.Ports());
        Starts();
        Status().SilentSuccess();
    }

    [Fact]
    public void It_needs_no_attachment_in_its_environment()
    {
        CniAnswer answer = _host.Call(
            "STATUS", _host.NewPod(), null, ("CNI_CONTAINERID", ""), ("CNI_NETNS", ""), ("CNI_IFNAME", ""));

        answer.SilentSuccess();
    }

    [Fact]
    public void A_missing_subnet_file_is_the_reason_in_words_for_people_and_for_grep()
    {
        string file = _host.Folder.File("subnet.env");
        File.Delete(file);

        CniAnswer answer = Status();

        answer.Failure(50, "no pod can be attached: flannel has not said yet which subnet this node has");
        Assert.Contains($"open {file}: no such file or directory. Check", answer.Details, StringComparison.Ordinal);
    }

    [Fact]
    public void An_incomplete_subnet_file_is_the_reason()
    {
        _host.SetSubnetEnv(CniHost.IPv4);

        CniAnswer answer = Status();

        Assert.Equal(50, answer.Code);
        Assert.Contains("is missing FLANNEL_MTU, FLANNEL_IPMASQ", answer.Details, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_IPAM_plugin_is_the_reason()
    {
        _host.Path = "/nowhere";

        CniAnswer answer = Status();

        answer.Failure(50, "no pod can be attached: plugin host-local cannot be executed");
        Assert.Equal("failed to find plugin \"host-local\" in path [/nowhere]", answer.Details);
    }

    [Theory]
    [InlineData("""{"code":50,"msg":"no lease","details":"yet"}""", 50, "no lease", "yet")]
    [InlineData("""{"code":51,"msg":"lost"}""", 51, "lost", "")]
    public void What_IPAM_says_is_passed_on(string answer, int code, string message, string details)
    {
        _host.InstallNewestIpam(status: $"echo '{answer}'; exit 1");

        CniAnswer status = Status();

        status.Failure(code, $"plugin host-local is not ready: {message}");
        Assert.Equal(details, status.Details);
    }

    [Fact]
    public void Another_error_of_IPAMs_is_its_not_being_ready()
    {
        _host.InstallNewestIpam(status: "echo broken >&2; exit 1");

        Status().Failure(
            50,
            "no pod can be attached: plugin host-local is not ready: netplugin failed: \"broken\": exit status 1");
    }

    [Fact]
    public void IPAM_gets_what_ADD_gives_it()
    {
        string seen = _host.Folder.File("seen");
        _host.InstallNewestIpam(status: $"cat > {seen}");

        Status().SilentSuccess();
        CniPod pod = Starts();

        Assert.Equal(File.ReadAllText(System.IO.Path.Combine(_host.DataDir, pod.Id)), File.ReadAllText(seen));
    }

    [Fact]
    public void An_IPAM_plugin_that_does_not_know_the_version_is_the_reason()
    {
        string asked = _host.Folder.File("asked");
        _host.InstallIpam(
            $$"""
            echo $CNI_COMMAND >> {{asked}}
            echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}'
            """);

        CniAnswer answer = Status();

        answer.Failure(50, "no pod can be attached: plugin host-local does not know the network's CNI version");
        Assert.Equal("\"cniVersion\" is 1.1.0, host-local supports 0.4.0, 1.0.0", answer.Details);
        Assert.Equal(["VERSION"], File.ReadAllLines(asked));
    }

    [Fact]
    public void An_IPAM_plugin_without_VERSION_is_asked_all_the_same()
    {
        _host.InstallIpam("""echo "{\"code\":4,\"msg\":\"unknown CNI_COMMAND: $CNI_COMMAND\"}"; exit 1""");
        Assert.Equal(50, Status().Code);

        _host.InstallIpam(
            """[ $CNI_COMMAND = VERSION ] || { echo '{"code":4,"msg":"unknown CNI_COMMAND: STATUS"}'; exit 1; }""");
        Status().SilentSuccess();
    }

    [Fact]
    public void A_bridge_with_the_address_of_a_former_subnet_is_the_reason()
    {
        Starts();
        _host.SetSubnetEnv(
            "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.9.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");

        CniAnswer answer = Status();

        answer.Failure(50, "no pod can be attached: bridge cni0 is not as pods need it");
        Assert.Equal(
            "failed to set bridge addr: \"cni0\" already has an IP address different from 10.42.9.1/24",
            answer.Details);
        _host.Delegate = """{ "isDefaultGateway": true, "forceAddress": true }""";
        Status().SilentSuccess();
        Starts();
    }

    [Fact]
    public void A_link_that_is_no_bridge_is_the_reason()
    {
        _host.Node.Shell("ip link add cni0 type veth peer name far");

        CniAnswer answer = Status();

        Assert.Equal(50, answer.Code);
        Assert.Contains("\"cni0\" already exists but is not a bridge", answer.Details, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_takes_no_files_is_the_reason()
    {
        File.WriteAllText(_host.DataDir, "in the way");

        CniAnswer answer = Status();

        answer.Failure(50, "no pod can be attached: the state of pods cannot be kept");
        Assert.Contains(_host.DataDir, answer.Details, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_configuration_is_not_a_matter_of_readiness()
    {
        _host.Delegate = """{ "name": "mine" }""";

        Status().Failure(999, "'delegate' dictionary must not have 'name' field, it'll be set by flannel");
    }

    [Fact]
    public void Another_delegate_is_asked_instead()
    {
        _host.Delegate = """{ "type": "ptp" }""";
        _host.Path = CniHost.PluginFolder;

        Assert.StartsWith("no pod can be attached: plugin ptp ", Status().Message, StringComparison.Ordinal);
    }

    private CniAnswer Status() => _host.Call("STATUS", _host.NewPod());

    private CniPod Starts()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        return pod;
    }
}

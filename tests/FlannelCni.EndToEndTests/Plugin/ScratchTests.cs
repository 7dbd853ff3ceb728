namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>What is kept from ADD to DEL, and what DEL makes of it when it is damaged.</summary>
public sealed class ScratchTests : IDisposable
{
    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void It_is_upstreams_file()
    {
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        Assert.Equal([pod.Id], _host.DataFiles());
        string file = Path.Combine(_host.DataDir, pod.Id);
        Assert.Equal(
            $$"""
            {"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,"ipam":{"dataDir":"{{_host.IpamDir}}",
            "ranges":[[{"subnet":"10.42.3.0/24"}],[{"subnet":"fd00:42:0:3::/64"}]],
            "routes":[{"dst":"10.42.0.0/16"},{"dst":"fd00:42::/56"}],"type":"host-local"},
            "isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}
            """.Replace("\n", "", StringComparison.Ordinal),
            File.ReadAllText(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(_host.DataDir));
    }

    [Fact]
    public void DEL_goes_by_it_and_not_by_todays_configuration()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        File.Delete(_host.Folder.File("subnet.env"));
        string ipam = _host.IpamDir;
        _host.Ipam = """, "type": "nonsense" """;

        _host.Delete(pod).SilentSuccess();

        Assert.True(Directory.Exists(ipam));
        _host.AssertClean();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("""{"cniVersion":"0.3.1","hairpinMode":true,"ipMas""")]
    public void DEL_renders_it_again_when_it_is_missing_or_torn(string? content)
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        string file = Path.Combine(_host.DataDir, pod.Id);
        File.Delete(file);
        if (content is not null)
        {
            File.WriteAllText(file, content);
        }

        _host.Delete(pod).SilentSuccess();

        _host.AssertClean();
    }

    [Fact]
    public void It_stays_while_DEL_fails_and_the_next_one_finishes()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        _host.InstallIpam("""cat > /dev/null; echo '{"code":11,"msg":"not now"}'; exit 1""");

        _host.Delete(pod).Failure(11, "not now");

        Assert.Equal([pod.Id], _host.DataFiles());
        _host.Path = CniHost.PluginFolder;
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void An_IPAM_plugin_that_is_gone_fails_DEL_after_the_link_is_gone()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        _host.Path = "/nowhere";

        _host.Delete(pod).Failure(999, "failed to find plugin \"host-local\" in path [/nowhere]");

        Assert.Empty(_host.Ports());
        Assert.Equal([pod.Id], _host.DataFiles());
    }

    [Fact]
    public void Without_it_and_a_subnet_file_links_of_another_delegate_are_left_alone()
    {
        CniPod pod = _host.NewPod();
        pod.Node.Shell("ip link add eth0 type veth peer name far");
        _host.Delegate = """{ "type": "host-device" }""";
        File.Delete(_host.Folder.File("subnet.env"));

        _host.Delete(pod).SilentSuccess();

        pod.Node.Shell("ip link show eth0");
    }

    [Fact]
    public void Without_it_and_a_subnet_file_the_bridges_pod_is_taken_down_and_its_address_released()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        File.Delete(Path.Combine(_host.DataDir, pod.Id));
        File.Delete(_host.Folder.File("subnet.env"));

        _host.Delete(pod).SilentSuccess();

        _host.AssertClean();
    }
}

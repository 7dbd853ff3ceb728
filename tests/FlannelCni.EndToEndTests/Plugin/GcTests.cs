using System.Text.Json;
using FlannelCni.Linux.Processes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>GC: what no valid attachment has goes, what one has stays.</summary>
public sealed class GcTests : IDisposable
{
    private const string Table = "nft list table inet cni_plugins_masquerade";

    private readonly CniHost _host = new()
    {
        Version = "1.1.0",
        Delegate = """{ "isDefaultGateway": true, "ipMasq": true }""",
    };

    public GcTests() => _host.InstallNewestIpam();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_forgotten_pod_loses_all_and_a_valid_one_nothing()
    {
        CniPod stays = Added();
        CniPod goes = Added();
        string kept = File.ReadAllText(System.IO.Path.Combine(_host.DataDir, stays.Id));

        Collect(stays).SilentSuccess();

        Assert.Equal([stays.Id], _host.DataFiles());
        Assert.Equal(kept, File.ReadAllText(System.IO.Path.Combine(_host.DataDir, stays.Id)));
        Assert.Equal(["10.42.3.2", "fd00:42:0:3::2"], _host.ReservedAddresses());
        string rules = _host.Node.Shell(Table);
        Assert.Contains("10.42.3.2 ", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("10.42.3.3 ", rules, StringComparison.Ordinal);
        stays.Ping("10.42.3.1");
        Assert.Equal(["10.42.3.3/24"], goes.Addresses(is6: false));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    public void An_empty_list_means_everything(string list)
    {
        Added();
        Added();

        CollectWith(list).SilentSuccess();

        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.ReservedAddresses());
        Assert.DoesNotContain("saddr", _host.Node.Shell(Table), StringComparison.Ordinal);
    }

    [Fact]
    public void The_lists_first_name_is_understood_too()
    {
        Added();
        _host.More = """, "cni.dev/attachments": []""";

        _host.Call("GC", _host.NewPod()).SilentSuccess();

        Assert.Empty(_host.DataFiles());
    }

    [Fact]
    public void Without_a_list_nothing_is_garbage()
    {
        CniPod pod = Added();

        CniAnswer answer = _host.Call("GC", _host.NewPod());

        answer.SilentSuccess();
        Assert.Contains("nothing is removed", answer.Error, StringComparison.Ordinal);
        Assert.Equal([pod.Id], _host.DataFiles());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[ 5 ]")]
    [InlineData("""[ { "containerID": "a" } ]""")]
    [InlineData("""[ { "containerID": 7, "ifname": "eth0" } ]""")]
    public void A_list_that_is_none_is_refused_and_nothing_is_garbage(string list)
    {
        CniPod pod = Added();

        CniAnswer answer = CollectWith(list);

        Assert.Equal(7, answer.Code);
        Assert.StartsWith("\"cni.dev/valid-attachments\": ", answer.Message, StringComparison.Ordinal);
        Assert.Equal([pod.Id], _host.DataFiles());
    }

    [Fact]
    public void The_same_container_with_another_interface_is_another_attachment()
    {
        CniPod pod = Added();
        _host.Call("ADD", pod, null, ("CNI_IFNAME", "net1")).Success();

        Collect(pod).SilentSuccess();

        Assert.Equal([pod.Id], _host.DataFiles());
        Assert.Equal(["10.42.3.2", "fd00:42:0:3::2"], _host.ReservedAddresses());
        Assert.DoesNotContain("10.42.3.3 ", _host.Node.Shell(Table), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_networks_pods_are_not_its_business()
    {
        CniPod pod = Added();
        _host.Network = "second";
        _host.Delegate = """{ "bridge": "cni1", "ipMasq": true, "isGateway": true, "forceAddress": true }""";

        CollectWith("[]").SilentSuccess();

        Assert.Equal([pod.Id], _host.DataFiles());
        _host.Network = "cbr0";
        Assert.Equal(["10.42.3.2", "fd00:42:0:3::2"], _host.ReservedAddresses());
        Assert.Contains("10.42.3.2 ", _host.Node.Shell(Table), StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_whose_scratch_file_is_lost_is_found_and_so_is_an_empty_reservation()
    {
        CniPod pod = Added();
        File.Delete(System.IO.Path.Combine(_host.DataDir, pod.Id));
        string folder = System.IO.Path.Combine(_host.IpamDir, "cbr0");
        File.WriteAllText(System.IO.Path.Combine(folder, "10.42.3.99"), "");
        File.WriteAllText(System.IO.Path.Combine(folder, "10.42.3.98"), "of-long-ago");

        CollectWith("[]").SilentSuccess();

        Assert.Empty(_host.ReservedAddresses());
        Assert.DoesNotContain("saddr", _host.Node.Shell(Table), StringComparison.Ordinal);
    }

    [Fact]
    public void Torn_files_and_those_of_killed_commands_go()
    {
        Directory.CreateDirectory(_host.DataDir);
        foreach (string name in (string[])["torn", ".killed:eth0.lock", ".killed:eth0.tmp"])
        {
            File.WriteAllText(System.IO.Path.Combine(_host.DataDir, name), """{"cniVersion":"1.1.0","hair""");
        }

        string[] others = [".no id:eth0.lock", ".a:no name.lock", ".a:longer-than-15-bytes.lock", "no id"];
        foreach (string name in others)
        {
            File.WriteAllText(System.IO.Path.Combine(_host.DataDir, name), "somebody else's");
        }

        Directory.CreateDirectory(System.IO.Path.Combine(_host.DataDir, "folder"));

        CollectWith("[]").SilentSuccess();

        Assert.Equal([.. others.Append("folder").Order()], _host.DataFiles());
    }

    [Fact]
    public void What_fails_is_said_and_the_rest_is_done()
    {
        CniPod first = Added();
        CniPod second = Added();
        string folder = _host.Folder.File("plugins");
        File.Move($"{folder}/host-local", $"{folder}/real");
        _host.InstallIpam(
            $$"""
            if [ $CNI_COMMAND$CNI_CONTAINERID = DEL{{first.Id}} ]; then echo '{"code":11,"msg":"not now"}'; exit 1; fi
            exec {{folder}}/real
            """);

        CniAnswer answer = CollectWith("[]");

        answer.Failure(999, $"GC: {first.Id} eth0: not now");
        Assert.Equal([first.Id], _host.DataFiles());
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(["10.42.3.2", "fd00:42:0:3::2"], _host.ReservedAddresses());
        _host.InstallNewestIpam();
        CollectWith("[]").SilentSuccess();
        Assert.Empty(_host.DataFiles());
    }

    [Fact]
    public void The_IPAM_plugin_is_asked_to_do_the_same()
    {
        string seen = _host.Folder.File("seen");
        _host.InstallNewestIpam(gc: $"cat > {seen}");
        CniPod pod = Added();

        Collect(pod).SilentSuccess();

        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(seen));
        foreach (string key in (string[])["cni.dev/valid-attachments", "cni.dev/attachments"])
        {
            JsonElement attachment = Assert.Single(document.RootElement.GetProperty(key).EnumerateArray());
            Assert.Equal(pod.Id, attachment.GetProperty("containerID").GetString());
        }

        Assert.Equal("host-local", document.RootElement.GetProperty("ipam").GetProperty("type").GetString());
    }

    [Fact]
    public void An_IPAM_plugin_from_before_GC_is_called_for_each_attachment()
    {
        // What the distribution has, under a configuration that it knows.
        _host.Version = "1.0.0";
        _host.Path = CniHost.PluginFolder;
        Added();
        _host.Version = "1.1.0";

        CollectWith("[]").SilentSuccess();

        Assert.Empty(_host.ReservedAddresses());
        Assert.Empty(_host.DataFiles());
    }

    [Fact]
    public void Before_there_is_a_subnet_file_all_goes_that_is_there()
    {
        Added();
        CniPod lost = Added();
        File.Delete(System.IO.Path.Combine(_host.DataDir, lost.Id));
        File.Delete(_host.Folder.File("subnet.env"));

        CollectWith("[]").SilentSuccess();

        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.ReservedAddresses());
    }

    [Fact]
    public void A_node_on_which_nothing_ever_was_is_fine()
    {
        CollectWith("[]").SilentSuccess();

        Assert.False(Directory.Exists(_host.DataDir));
    }

    [Fact]
    public void Another_delegate_is_executed_for_what_is_stale()
    {
        _host.Version = "1.0.0";
        _host.Path = CniHost.PluginFolder;
        _host.Delegate = """{ "type": "ptp" }""";
        _host.SetSubnetEnv(CniHost.IPv4 + "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        Added();
        _host.Version = "1.1.0";

        CollectWith("[]").SilentSuccess();

        Assert.Empty(_host.DataFiles());
        Assert.Empty(_host.ReservedAddresses());
    }

    [Fact]
    public void An_ADD_at_work_is_left_alone()
    {
        string started = _host.Folder.File("started");
        string go = _host.Folder.File("go");
        string folder = _host.Folder.File("plugins");
        File.Move($"{folder}/host-local", $"{folder}/real");
        _host.InstallIpam(
            $$"""
            if [ $CNI_COMMAND = ADD ]; then echo > {{started}}; until [ -e {{go}} ]; do sleep 0.01; done; fi
            exec {{folder}}/real
            """);
        CniPod pod = _host.NewPod();
        using ChildProcess add = _host.Start("ADD", pod);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(started), TimeSpan.FromSeconds(10)));

        CollectWith("[]").SilentSuccess();
        File.WriteAllText(go, "");

        CniAnswer.Of(add.Wait()).Success();
        Assert.Equal([pod.Id], _host.DataFiles());
        pod.Ping("10.42.3.1");
    }

    private CniPod Added()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        return pod;
    }

    private CniAnswer Collect(CniPod valid) =>
        CollectWith($$"""[ { "containerID": "{{valid.Id}}", "ifname": "eth0" } ]""");

    private CniAnswer CollectWith(string list)
    {
        _host.More = $", \"cni.dev/valid-attachments\": {list}";
        CniAnswer answer = _host.Call(
            "GC", new CniPod(_host.Node, ""), null, ("CNI_NETNS", ""), ("CNI_IFNAME", ""));
        _host.More = "";
        return answer;
    }
}

using System.Text.Json;
using FlannelCni.Agent.Installation;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Installation;

/// <summary><c>flanneld install-cni</c> and what it finds on nodes.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly InstallNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task An_empty_node_gets_plugins_and_configuration()
    {
        int exitCode = await _node.InstallAsync();

        Assert.True(exitCode == 0, _node.Log);
        Assert.Equal(["flannel", "host-local", "portmap"], _node.Names("bin"));
        Assert.Equal(["10-flannel.conflist"], _node.Names("net.d"));
        Assert.Equal(0b111_101_101, (int)File.GetUnixFileMode(_node.PathOf("bin/flannel")));
        Assert.Equal(0b110_100_100, (int)File.GetUnixFileMode(_node.PathOf("net.d/10-flannel.conflist")));
        using JsonDocument list = JsonDocument.Parse(_node.Installed);
        Assert.Equal("0.3.1", list.RootElement.GetProperty("cniVersion").GetString());
        Assert.Equal("0.3.1 0.4.0 1.0.0", Versions(list));
        using JsonDocument given = JsonDocument.Parse(InstallNode.Config);
        Assert.True(JsonElement.DeepEquals(
            given.RootElement.GetProperty("plugins"), list.RootElement.GetProperty("plugins")));
    }

    [Fact]
    public async Task Folders_that_are_missing_are_made()
    {
        Directory.Delete(_node.PathOf("bin"));
        Directory.Delete(_node.PathOf("net.d"));

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(["10-flannel.conflist"], _node.Names("net.d"));
    }

    [Fact]
    public async Task A_second_run_touches_nothing()
    {
        await _node.InstallAsync();
        string before = Shell.Run($"cd {_node.PathOf("bin")} && stat -c '%n %i %y %z' * ../net.d/*");

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(before, Shell.Run($"cd {_node.PathOf("bin")} && stat -c '%n %i %y %z' * ../net.d/*"));
    }

    [Fact]
    public async Task A_plugin_of_somebody_else_stays_and_its_versions_count()
    {
        _node.AddPlugin("bin/portmap", "0.3.1", "0.4.0");
        string theirs = File.ReadAllText(_node.PathOf("bin/portmap"));

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(theirs, File.ReadAllText(_node.PathOf("bin/portmap")));
        using JsonDocument list = JsonDocument.Parse(_node.Installed);
        Assert.Equal("0.3.1 0.4.0", Versions(list));
        Assert.Contains("bin/portmap is there already", _node.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flannel_that_runs_is_replaced_under_it()
    {
        File.Copy("/usr/bin/sleep", _node.PathOf("bin/flannel"));
        using ChildProcess running = ChildProcess.Start(_node.PathOf("bin/flannel"), ["600"], [], []);

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(File.ReadAllText(_node.PathOf("image/flannel")), File.ReadAllText(_node.PathOf("bin/flannel")));
        Assert.DoesNotContain(".flannel.new", _node.Names("bin"));
    }

    [Fact]
    public async Task What_a_killed_installer_has_left_is_cleared_away()
    {
        File.WriteAllText(_node.PathOf("bin/.flannel.new"), "half");

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(["flannel", "host-local", "portmap"], _node.Names("bin"));
    }

    [Fact]
    public async Task A_symbolic_link_is_replaced_and_where_it_leads_is_not()
    {
        File.WriteAllText(_node.PathOf("elsewhere"), "theirs");
        File.CreateSymbolicLink(_node.PathOf("bin/flannel"), _node.PathOf("elsewhere"));

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal("theirs", File.ReadAllText(_node.PathOf("elsewhere")));
        Assert.Null(new FileInfo(_node.PathOf("bin/flannel")).LinkTarget);
    }

    [Fact]
    public async Task Installers_at_once_leave_one_whole_installation()
    {
        int[] exitCodes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(_node.InstallAsync)));

        Assert.All(exitCodes, static code => Assert.Equal(0, code));
        Assert.Equal(["flannel", "host-local", "portmap"], _node.Names("bin"));
        Assert.Equal(["10-flannel.conflist"], _node.Names("net.d"));
    }

    [Fact]
    public async Task A_configuration_that_sorts_before_is_named_and_stays()
    {
        File.WriteAllText(
            _node.PathOf("net.d/05-other.conflist"), """{"name": "mesh", "plugins": [{"type": "meshnet"}]}""");
        File.WriteAllText(_node.PathOf("net.d/06-broken.conf"), "{");
        File.WriteAllText(_node.PathOf("net.d/07-note.txt"), "no configuration");
        File.WriteAllText(_node.PathOf("net.d/20-later.conflist"), "{}");

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Contains("05-other.conflist sorts before", _node.Log, StringComparison.Ordinal);
        Assert.Contains("use network \"mesh\" of meshnet, and not flannel", _node.Log, StringComparison.Ordinal);
        Assert.Contains("06-broken.conf sorts before", _node.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("07-note", _node.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("20-later", _node.Log, StringComparison.Ordinal);
        Assert.Equal(5, _node.Names("net.d").Length);
    }

    [Fact]
    public async Task The_form_that_flannel_had_before_lists_is_moved_aside()
    {
        File.WriteAllText(_node.PathOf("net.d/10-flannel.conf"), """{"name": "cbr0", "type": "flannel"}""");

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(["10-flannel.conf.replaced", "10-flannel.conflist"], _node.Names("net.d"));
        Assert.Contains("of an older flannel", _node.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_list_is_replaced()
    {
        File.WriteAllText(_node.PathOf("net.d/10-flannel.conflist"), InstallNode.Config);

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Contains("cniVersions", _node.Installed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 1", "gives no answer to VERSION")]
    [InlineData(null, "cannot be executed")]
    public async Task A_plugin_that_does_not_answer_is_named_and_the_list_installed_as_it_is(
        string? command, string because)
    {
        File.Delete(_node.PathOf("image/portmap"));
        if (command is not null)
        {
            _node.AddScript("bin/portmap", command);
        }

        Assert.Equal(0, await _node.InstallAsync());

        Assert.Equal(InstallNode.Config, _node.Installed);
        Assert.Contains("Plugin portmap, which", _node.Log, StringComparison.Ordinal);
        Assert.Contains(because, _node.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_hangs_is_not_waited_for_for_ever()
    {
        _node.AddScript("bin/portmap", "exec sleep 600");
        ManualTime time = new();

        Task asking = new PluginVersions(_node.PathOf("bin"), time).AskAsync(
            "portmap", "0.3.1", TestContext.Current.CancellationToken);
        await Wait.Until(() => time.NextTimer is not null, TimeSpan.FromSeconds(5), "it waits");
        time.Advance(TimeSpan.FromSeconds(10));

        PluginVersionException e = await Assert.ThrowsAsync<PluginVersionException>(() => asking);
        Assert.Contains("does not answer within 10 s", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "no JSON")]
    [InlineData("""{"name": "cbr0", "plugins": []}""", "\"plugins\" is no list of plugins")]
    public async Task With_a_wrong_configuration_nothing_is_touched(string content, string because)
    {
        File.WriteAllText(_node.PathOf("cni-conf.json"), content);

        Assert.Equal(1, await _node.InstallAsync());

        Assert.Contains(because, _node.Log, StringComparison.Ordinal);
        Assert.Contains("cni-conf.json", _node.Log, StringComparison.Ordinal);
        Assert.Empty(_node.Names("bin"));
        Assert.Empty(_node.Names("net.d"));
    }

    [Fact]
    public async Task An_image_without_plugins_says_so()
    {
        File.Delete(_node.PathOf("image/flannel"));

        Assert.Equal(1, await _node.InstallAsync());

        Assert.Contains("there is no plugin", _node.Log, StringComparison.Ordinal);
        Assert.Empty(_node.Names("bin"));
    }

    private static string Versions(JsonDocument list) => string.Join(
        ' ', list.RootElement.GetProperty("cniVersions").EnumerateArray().Select(static item => item.GetString()));
}

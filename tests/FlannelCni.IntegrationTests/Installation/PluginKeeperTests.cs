using FlannelCni.Agent.Installation;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Installation;

/// <summary>Plugins that vanish while the agent runs.</summary>
public sealed class PluginKeeperTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(5);

    private readonly InstallNode _node = new();
    private readonly LogLines _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualTime _time = new();
    private Task _keeper = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _keeper.ContinueWith(static _ => { }, TaskScheduler.Default);
        _stop.Dispose();
        _node.Dispose();
    }

    [Fact]
    public async Task What_is_deleted_or_moved_away_comes_back()
    {
        await StartAsync();

        File.Delete(_node.PathOf("bin/flannel"));
        File.Move(_node.PathOf("bin/portmap"), _node.PathOf("portmap"));

        await PresentAsync("flannel");
        await PresentAsync("portmap");
        Assert.Equal(File.ReadAllText(_node.PathOf("image/flannel")), File.ReadAllText(_node.PathOf("bin/flannel")));
        Assert.Equal(1, _log.Count("bin/flannel had vanished"));
    }

    [Fact]
    public async Task It_comes_back_every_time()
    {
        await StartAsync();

        for (int i = 0; i < 20; i++)
        {
            File.Delete(_node.PathOf("bin/flannel"));
            await PresentAsync("flannel");
        }

        Assert.Equal(["flannel", "host-local", "portmap"], _node.Names("bin"));
    }

    [Fact]
    public async Task A_plugin_that_somebody_replaces_stays_theirs()
    {
        await StartAsync();

        _node.AddPlugin("theirs", "1.0.0");
        File.Move(_node.PathOf("theirs"), _node.PathOf("bin/flannel"), overwrite: true);
        File.Delete(_node.PathOf("bin/portmap"));
        await PresentAsync("portmap");

        Assert.NotEqual(File.ReadAllText(_node.PathOf("image/flannel")), File.ReadAllText(_node.PathOf("bin/flannel")));
    }

    [Fact]
    public async Task A_folder_that_is_gone_is_said_and_tried_again()
    {
        await StartAsync();

        Directory.Move(_node.PathOf("bin"), _node.PathOf("gone"));
        File.Delete(_node.PathOf("gone/flannel"));
        await Wait.Until(() => _time.NextTimer is not null, s_soon, "it waits");
        Assert.Equal(1, _log.Count("cannot be kept, trying again every 30 s"));
        Directory.CreateDirectory(_node.PathOf("bin"));
        _time.Advance(TimeSpan.FromSeconds(30));

        await PresentAsync("flannel");
    }

    private async Task StartAsync()
    {
        PluginFolder plugins = new(_node.PathOf("image"), _node.PathOf("bin"), _log);
        _keeper = new PluginKeeper(plugins, _node.PathOf("bin"), _time, _log).RunAsync(_stop.Token);
        await PresentAsync("portmap");
        _log.Clear();
    }

    private Task PresentAsync(string plugin) => Wait.Until(
        () => File.Exists(_node.PathOf($"bin/{plugin}")),
        s_soon,
        () => $"{plugin} is there: {string.Join('\n', _log.Lines)}");
}

using System.Collections.Concurrent;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>A subnet manager of node-1 on an API of its own, and a clock that runs while a test waits.</summary>
internal sealed class ManagerFixture : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    private readonly TestFolder _folder = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];

    internal ManagerFixture() => Config = Nodes.Json;

    internal FakeNodeApi Api { get; } = new();

    internal ManualTime Time { get; } = new();

    internal LogLines Log { get; } = new();

    internal ConcurrentQueue<LeaseSnapshot> Snapshots { get; } = [];

    internal ConcurrentQueue<string> Waits { get; } = [];

    /// <summary>The text of net-conf.json; null: there is no such file.</summary>
    internal string? Config
    {
        get => File.Exists(ConfigFile) ? File.ReadAllText(ConfigFile) : null;
        set
        {
            File.Delete(ConfigFile);
            if (value is not null)
            {
                File.WriteAllText(ConfigFile, value);
            }
        }
    }

    internal LeaseAttributes Attributes { get; set; } = Nodes.Attributes(1);

    internal string? NodeName { get; set; } = "node-1";

    internal (string Namespace, string Name)? Pod { get; set; }

    internal bool? IsReached { get; private set; }

    /// <summary>Why new pods are said to be reached by nobody.</summary>
    internal string? Trouble { get; private set; }

    internal string Folder => _folder.Path;

    private string ConfigFile => _folder.File("net-conf.json");

    internal KubeSubnetManager Manager { get; private set; } = null!;    // Create sets it

    internal CancellationToken Token => _stop.Token;

    internal KubeSubnetManager Create()
    {
        KubeSettings settings = new(
            ConfigFile, NodeName, Pod, Nodes.Names, SaysUp: true, _folder.Path);
        return Manager = new KubeSubnetManager(
            settings, Api, Time, Log, up => IsReached = up, Waits.Enqueue, text => Trouble = text);
    }

    /// <summary>Up to the lease, with the loops running.</summary>
    internal async Task<Lease> StartAsync()
    {
        Create();
        NetworkConfig network = await RunAsync(Manager.ReadNetworkConfigAsync(Token));
        Lease own = await RunAsync(Manager.AcquireAsync(network, Attributes, Token));
        _loops.Add(Manager.KeepAsync(Token));
        _loops.Add(WatchAsync());
        return own;
    }

    /// <summary>Lets the clock run until the task is done.</summary>
    internal async Task<T> RunAsync<T>(Task<T> task)
    {
        await UntilAsync(() => task.IsCompleted, "the task is done");
        return await task;
    }

    /// <summary>
    /// Lets the clock run until it is true. It runs whether or not this machine keeps up, so that on a loaded one more
    /// of its time passes than was needed.
    /// </summary>
    internal Task UntilAsync(Func<bool> condition, string because) => Wait.Until(
        () =>
        {
            if (condition())
            {
                return true;
            }

            Time.Advance(TimeSpan.FromMilliseconds(100));
            return condition();
        },
        s_soon,
        () => $"{because}: {string.Join('\n', Log.Lines)}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await Manager.DisposeAsync();
        _stop.Dispose();
        _folder.Dispose();
    }

    private async Task WatchAsync()
    {
        await foreach (LeaseSnapshot snapshot in Manager.WatchAsync(Token))
        {
            Snapshots.Enqueue(snapshot);
        }
    }
}

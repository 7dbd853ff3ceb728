using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>A node as far as etcd sees it: a subnet manager, and what it told so far.</summary>
internal sealed class EtcdNode : IAsyncDisposable
{
    internal static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private ImmutableList<LeaseSnapshot> _snapshots = [];
    private ImmutableList<string> _lost = [];

    internal EtcdNode(
        EtcdOptions options, string publicIP, SubnetPair previous = default, TimeProvider? time = null)
    {
        Attributes = Vxlan(publicIP);
        Manager = new EtcdSubnetManager(
            options,
            previous,
            time ?? TimeProvider.System,
            Log,
            onReached: null,
            outcome => ImmutableInterlocked.Update(ref _lost, list => list.Add(outcome)));
    }

    internal EtcdSubnetManager Manager { get; }

    internal LeaseAttributes Attributes { get; set; }

    internal LogLines Log { get; } = new();

    internal CancellationToken Token => _stop.Token;

    /// <summary>What became of lost leases.</summary>
    internal ImmutableList<string> Lost => _lost;

    internal ImmutableList<LeaseSnapshot> Snapshots => _snapshots;

    internal LeaseSnapshot? Latest => _snapshots.Count > 0 ? _snapshots[^1] : null;

    internal static EtcdOptions Options(EtcdServer etcd, string prefix) =>
        new([etcd.Endpoint], prefix, null, null, null, null, null, TimeSpan.FromMinutes(60))
        {
            RequestTimeout = TimeSpan.FromSeconds(1),
            PingDelay = TimeSpan.FromSeconds(1),
        };

    internal static LeaseAttributes Vxlan(string publicIP) =>
        new(IpAddr.Parse(publicIP), default, "vxlan", """{"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}""", null);

    internal async Task<Lease> AcquireAsync()
    {
        NetworkConfig network = await Manager.ReadNetworkConfigAsync(Token);
        return await Manager.AcquireAsync(network, Attributes, Token);
    }

    /// <summary>Acquires, keeps and watches until it is disposed.</summary>
    internal async Task<Lease> RunAsync()
    {
        Lease lease = await AcquireAsync();
        _loops.Add(Manager.KeepAsync(Token));
        _loops.Add(WatchAsync());
        await Wait.Until(() => Latest is not null, Soon, "the first snapshot is there");
        return lease;
    }

    internal Task UntilAsync(Func<LeaseSnapshot, bool> condition, string because) =>
        Wait.Until(() => Latest is LeaseSnapshot latest && condition(latest), Soon, because);

    /// <summary>Waits for a line that contains the text.</summary>
    internal Task UntilSaidAsync(string text) => Wait.Until(() => Log.Count(text) > 0, Soon, $"it is said: {text}");

    /// <summary>Every loop must end at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (Task loop in _loops)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => loop.WaitAsync(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None));
        }

        await Manager.DisposeAsync();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        await foreach (LeaseSnapshot snapshot in Manager.WatchAsync(Token))
        {
            ImmutableInterlocked.Update(ref _snapshots, list => list.Add(snapshot));
        }
    }
}

using System.Collections.Immutable;
using System.Text.Json;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.TestKit;

/// <summary>
/// The data plane of one node, run in this process against the node's kernel, with leases from memory: the backend,
/// the monitor and the reconciler as Program wires them. The external interface is eth0.
/// </summary>
internal sealed class DataPlaneHarness : IAsyncDisposable
{
    /// <summary>A repair by event takes a second at the most; machines that run tests are busy.</summary>
    internal static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly AgentMetrics _metrics = new();
    private readonly TestNode _node;
    private readonly RtnlSocket _rtnl;
    private readonly KernelMonitor _monitor;
    private readonly int _number;
    private readonly bool _isDualStack;
    private Task _running = Task.CompletedTask;
    private LeaseTable _leases = LeaseTable.Empty;

    private DataPlaneHarness(TestNode node, int number, TestFolder state, string backendJson, bool isDualStack)
    {
        (_node, _number, _isDualStack) = (node, number, isDualStack);
        _rtnl = node.Namespace.Run(RtnlSocket.Open);
        _monitor = node.Namespace.Run(() => new KernelMonitor(Inbox));
        Network = NetworkOf(backendJson, isDualStack);
        Backend = new VxlanBackend(
            VxlanConfig.Parse(Network.Backend), Network, new VxlanMacFile(state.Path), _rtnl);
    }

    internal NetworkConfig Network { get; }

    internal VxlanBackend Backend { get; }

    internal Inbox Inbox { get; } = new();

    internal LogLines Log { get; } = new();

    internal Reconciler Reconciler { get; private set; } = null!;    // StartAsync sets it, which makes the object

    /// <summary>As the devices were when the agent started.</summary>
    internal BackendState InitialState { get; private set; } = null!;

    /// <summary>What was last told to the publisher; null: nothing changed since the start.</summary>
    internal (Lease Own, BackendState State)? Published { get; private set; }

    /// <summary>Starts an agent: devices first, then the loops, no lease of a peer yet.</summary>
    /// <param name="number">1..250: eth0 has 192.0.2.NUMBER, the subnet is 10.244.NUMBER.0/24.</param>
    internal static async Task<DataPlaneHarness> StartAsync(
        TestNode node, int number, TestFolder state, string backendJson = "{}", bool isDualStack = false)
    {
        DataPlaneHarness harness = new(node, number, state, backendJson, isDualStack);
        await harness.RunAsync();
        return harness;
    }

    /// <summary>A lease as node NUMBER would publish it with this MAC.</summary>
    internal static Lease LeaseOf(int number, string? mac = null, bool isDualStack = false, string? publicIP = null) =>
        new(
            $"node{number}",
            IpPrefix.Parse($"10.244.{number}.0/24"),
            isDualStack ? IpPrefix.Parse($"fd00:10:244:{number:x}::/64") : default,
            new LeaseAttributes(
                publicIP is null ? TestCluster.Address4(number) : IpAddr.Parse(publicIP),
                isDualStack ? TestCluster.Address6(number) : default,
                VxlanBackend.TypeName,
                VtepJson(mac ?? $"0e:00:00:00:00:{number:x2}"),
                isDualStack ? VtepJson(mac ?? $"0e:06:00:00:00:{number:x2}") : null),
            new Seniority(number, $"node{number}"));

    /// <summary>This node's own lease, with the MACs its devices have.</summary>
    internal Lease OwnLease() => LeaseOf(_number, null, _isDualStack) with { Attributes = InitialState.Attributes };

    /// <summary>Posts a complete snapshot of other nodes' leases, and waits until the kernel follows.</summary>
    internal async Task SyncAsync(params IEnumerable<Lease> peers)
    {
        LeaseTable before = _leases;
        _leases = new LeaseTable(peers.ToImmutableDictionary(static lease => lease.Key));
        string[] changed = [.. before.ByKey.Keys.Union(_leases.ByKey.Keys)
            .Where(key => before.ByKey.GetValueOrDefault(key) != _leases.ByKey.GetValueOrDefault(key))];
        long beat = Reconciler.Status.Beat;
        Inbox.Post(new LeaseSnapshot(OwnLease(), _leases, Reconciler.FirstSync.IsCompleted ? changed : null));
        await Wait.Until(() => Reconciler.Status.Beat > beat, Soon, "the reconciler runs");
        await InSyncAsync();
    }

    /// <summary>Waits until the reconciler is content.</summary>
    internal Task InSyncAsync() => Wait.Until(
        () => Reconciler.Status.Trouble is null, Soon, $"the kernel is in sync: {Reconciler.Status.Trouble}");

    /// <summary>Runs until nothing more comes in by itself, as the notifications of the last writes do.</summary>
    internal async Task SettleAsync()
    {
        long beat = -1;
        await Wait.Until(
            async () =>
            {
                (long last, beat) = (beat, Reconciler.Status.Beat);
                await Task.Delay(TimeSpan.FromMilliseconds(30), TimeProvider.System, CancellationToken.None);
                return last == beat && Reconciler.Status.Beat == beat;
            },
            Soon,
            "no more runs come");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _running;
        }
        catch (OperationCanceledException)
        {
            // As asked for.
        }

        _monitor.Dispose();
        _rtnl.Dispose();
        _metrics.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        Underlay underlay = ReadUnderlay();
        InitialState = await Backend.EnsureAsync(underlay, own: null, _stop.Token);
        BackendState state = await Backend.EnsureAsync(underlay, OwnLease(), _stop.Token);
        Reconciler = new Reconciler(
            Backend,
            ReadUnderlay,
            (own, changed) => Published = (own, changed),
            Inbox,
            new PlanInput(Network, state, underlay, OwnLease()),
            _metrics,
            TimeProvider.System,
            Log);
        _running = Task.WhenAll(_monitor.RunAsync(_stop.Token), Reconciler.RunAsync(_stop.Token));
    }

    private Underlay ReadUnderlay()
    {
        Link? link = _rtnl.FindLink("eth0");
        (IpAddr address4, IpAddr address6) = (TestCluster.Address4(_number), TestCluster.Address6(_number));
        return link is null || !Holds(link.Index, address4)
            ? throw new LinuxException("external interface eth0", Errno.ENODEV)
            : new Underlay("eth0", link.Index, link.Mtu, address4, address6, address4, address6);
    }

    private bool Holds(int index, IpAddr address) =>
        _rtnl.ListAddresses(address.Is6, index).Exists(held => held.Prefix.Address == address);

    private static string VtepJson(string mac) => new VtepData(1, MacAddress.Parse(mac)).ToJson();

    private static NetworkConfig NetworkOf(string backendJson, bool isDualStack)
    {
        using JsonDocument backend = JsonDocument.Parse(backendJson);
        return new NetworkConfig(
            IpPrefix.Parse("10.244.0.0/16"),
            isDualStack ? IpPrefix.Parse("fd00:10:244::/48") : default,
            EnableNFTables: false,
            VxlanBackend.TypeName,
            backend.RootElement.Clone());
    }
}

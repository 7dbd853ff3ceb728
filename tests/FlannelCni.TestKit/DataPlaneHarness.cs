using System.Collections.Immutable;
using System.Text.Json;
using FlannelCni.Agent;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.HostGw;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Interfaces;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging.Abstractions;

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
    private readonly RtnlSocket _rtnl;
    private readonly KernelMonitor _monitor;
    private readonly UnderlaySource _underlays;
    private readonly IReadOnlyList<ITable> _housekeeping;
    private readonly int _number;
    private readonly bool _isDualStack;
    private Task _running = Task.CompletedTask;
    private bool _isDisposed;
    private LeaseTable _leases = LeaseTable.Empty;

    private DataPlaneHarness(
        TestNode node,
        int number,
        TestFolder state,
        string backendJson,
        bool isDualStack,
        IpAddr publicIP,
        IpPrefix network,
        int buffer,
        bool hasIPv4)
    {
        (_number, _isDualStack) = (number, isDualStack);
        _rtnl = node.Namespace.Run(RtnlSocket.Open);
        _monitor = node.Namespace.Run(() => new KernelMonitor(Inbox, _rtnl.PortId, Metrics, buffer));
        Network = NetworkOf(backendJson, isDualStack, network, hasIPv4);
        Backend = BackendFactory.Create(Network, NodeFacts.Unknown, state.Path, _rtnl);
        _housekeeping = BackendFactory.CreateHousekeeping(Backend, Network, state.Path, _rtnl);
        _underlays = new UnderlaySource(
            new InterfaceRequest(hasIPv4, isDualStack) { Names = ["eth0"], PublicIP = publicIP },
            _rtnl,
            NullLogger<UnderlaySource>.Instance);
    }

    internal NetworkConfig Network { get; }

    internal IBackend Backend { get; }

    internal Inbox Inbox { get; } = new();

    internal AgentMetrics Metrics { get; } = new();

    internal LogLines Log { get; } = new();

    internal Reconciler Reconciler { get; private set; } = null!;    // StartAsync sets it, which makes the object

    /// <summary>As the devices were when the agent started.</summary>
    internal BackendState InitialState { get; private set; } = null!;

    /// <summary>What was last told to the publisher; null: nothing changed since the start.</summary>
    internal (Lease Own, BackendState State)? Published { get; private set; }

    /// <summary>Starts an agent: devices first, then the loops, no lease of a peer yet.</summary>
    /// <param name="number">1..250: the subnet is 10.244.NUMBER.0/24.</param>
    /// <param name="backendJson">The <c>Backend</c> of net-conf.json; vxlan where it names no type.</param>
    /// <param name="publicIP">None: the external interface's.</param>
    /// <param name="isDeaf">The kernel's notifications reach nobody.</param>
    /// <param name="network">IPv4, with 10.244.0.0/16 inside, which is what it is unless given.</param>
    /// <param name="buffer">Bytes of notifications that may wait.</param>
    /// <param name="hasIPv4">False, and a dual stack without IPv4 is one of IPv6 alone.</param>
    internal static async Task<DataPlaneHarness> StartAsync(
        TestNode node,
        int number,
        TestFolder state,
        string backendJson = "{}",
        bool isDualStack = false,
        IpAddr publicIP = default,
        bool isDeaf = false,
        IpPrefix network = default,
        int buffer = RtnlMonitor.DefaultBufferSize,
        bool hasIPv4 = true)
    {
        DataPlaneHarness harness = new(
            node, number, state, backendJson, isDualStack, publicIP, network, buffer, hasIPv4);
        try
        {
            await harness.RunAsync(isDeaf);
            return harness;
        }
        catch
        {
            await harness.DisposeAsync();
            throw;
        }
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

    /// <summary>The same of a node with the backend host-gw.</summary>
    internal static Lease HostGwLeaseOf(int number, bool isDualStack = false, string? publicIP = null)
    {
        Lease lease = LeaseOf(number, null, isDualStack, publicIP);
        return lease with
        {
            Attributes = lease.Attributes with
            {
                BackendType = HostGwBackend.TypeName,
                BackendData = null,
                BackendV6Data = null,
            },
        };
    }

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

    /// <summary>Ends the agent; the kernel stays as it is. A second time does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

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
        Metrics.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(bool isDeaf)
    {
        Underlay underlay = _underlays.Choose();
        InitialState = (await Backend.EnsureAsync(underlay, own: null, _stop.Token)).OrThrow();
        BackendState state = (await Backend.EnsureAsync(underlay, OwnLease(), _stop.Token)).OrThrow();
        Reconciler = new Reconciler(
            Backend,
            _housekeeping,
            _underlays.Follow,
            (own, changed) => Published = (own, changed),
            Inbox,
            new PlanInput(Network, state, underlay, OwnLease()),
            Metrics,
            TimeProvider.System,
            Log);
        _running = Task.WhenAll(
            isDeaf ? Task.CompletedTask : _monitor.RunAsync(_stop.Token), Reconciler.RunAsync(_stop.Token));
    }

    private static string VtepJson(string mac) => new VtepData(1, MacAddress.Parse(mac)).ToJson();

    private static NetworkConfig NetworkOf(
        string backendJson, bool isDualStack, IpPrefix network, bool hasIPv4)
    {
        using JsonDocument backend = JsonDocument.Parse(backendJson);
        string type = backend.RootElement.TryGetProperty("Type", out JsonElement named) ? $"{named}" : "vxlan";
        return new NetworkConfig(
            !hasIPv4 ? default : network.IsNone ? IpPrefix.Parse("10.244.0.0/16") : network,
            isDualStack ? IpPrefix.Parse("fd00:10:244::/48") : default,
            EnableNFTables: false,
            type,
            backend.RootElement.Clone());
    }
}

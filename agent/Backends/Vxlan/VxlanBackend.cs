using System.Collections.Immutable;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>
/// Pods' packets in UDP between the nodes, by the kernel: a device a family, and for each peer a neighbour, a
/// forwarding entry and a route, all permanent, so that nothing is ever asked for on the wire.
/// </summary>
internal sealed class VxlanBackend : IBackend
{
    public const string TypeName = "vxlan";

    private readonly VxlanConfig _config;
    private readonly VxlanDevice? _device4;
    private readonly VxlanDevice? _device6;
    private readonly OnLinkReader? _onLink;    // null: every peer is behind the tunnel

    /// <param name="rtnl">In the node's namespace; the reconciler's alone from here on.</param>
    public VxlanBackend(VxlanConfig config, NetworkConfig network, VxlanMacFile macFile, RtnlSocket rtnl)
    {
        _config = config;
        _onLink = config.DirectRouting ? new OnLinkReader(rtnl, network) : null;
        List<ITable> tables = [];
        List<string> names = [];
        if (network.EnableIPv4)
        {
            _device4 = new VxlanDevice(rtnl, macFile, config, network.Network);
            names.Add(_device4.Name);
            tables.AddRange(TablesOf(rtnl, is6: false));
        }

        if (network.EnableIPv6)
        {
            _device6 = new VxlanDevice(rtnl, macFile, config, network.IPv6Network);
            names.Add(_device6.Name);
            tables.AddRange(TablesOf(rtnl, is6: true));
        }

        Tables = tables;
        DeviceNames = names;
    }

    public string Type => TypeName;

    public IReadOnlyList<ITable> Tables { get; }

    public IReadOnlyList<string> DeviceNames { get; }

    public ValueTask<BackendState> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken)
    {
        List<string> repairs = [];
        DeviceFacts? facts4 = _device4?.Ensure(underlay, own, repairs);
        DeviceFacts? facts6 = _device6?.Ensure(underlay, own, repairs);
        LeaseAttributes attributes = new(
            facts4 is null ? default : underlay.PublicIP,
            facts6 is null ? default : underlay.PublicIPv6,
            TypeName,
            DataOf(facts4),
            DataOf(facts6));

        // Pods have one MTU, which the more expensive of the two tunnels decides.
        uint mtu = Math.Min(_device4?.Mtu(underlay) ?? uint.MaxValue, _device6?.Mtu(underlay) ?? uint.MaxValue);
        ImmutableArray<DeviceFacts> devices = [.. new[] { facts4, facts6 }.OfType<DeviceFacts>()];
        return ValueTask.FromResult(new BackendState(attributes, mtu, devices, [.. repairs])
        {
            OnLink = _onLink?.Read(underlay) ?? OnLinkNetworks.None,
        });
    }

    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) =>
        _onLink is { } onLink && onLink.Concerns(kernelEvent, input);

    public PeerReading ReadPeer(Lease lease, bool is6, PlanInput input) =>
        VxlanPeer.Read(lease, is6, input, _config.Vni);

    /// <summary>Nothing: the devices stay, and pods go on talking while no agent runs.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static IEnumerable<ITable> TablesOf(RtnlSocket rtnl, bool is6) =>
    [
        new EntryTable<NeighbourKey, NeighbourEntry>(
            "neighbour",
            OfFamily<NeighbourKey, NeighbourEntry>(VxlanPlans.Neighbour, is6),
            new NeighbourStore(rtnl, is6)),
        new EntryTable<FdbKey, FdbDestination>(
            "fdb", OfFamily<FdbKey, FdbDestination>(VxlanPlans.Fdb, is6), new FdbStore(rtnl, is6)),
        RouteTables.Create(VxlanPlans.Route, rtnl, is6),
    ];

    private static PeerPlan<TKey, TEntry> OfFamily<TKey, TEntry>(PeerPlan<TKey, TEntry> plan, bool is6)
        where TKey : struct, IEquatable<TKey>
        where TEntry : struct, IEquatable<TEntry> =>
        (peer, input) => peer.Key.Is6 == is6 ? plan(peer, input) : null;

    private string? DataOf(DeviceFacts? facts) =>
        facts is null ? null : new VtepData(unchecked((ushort)_config.Vni), facts.Mac).ToJson();
}

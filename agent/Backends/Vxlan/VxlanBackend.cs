using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
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
    private readonly List<VxlanDevice> _devices = [];    // one a family
    private readonly RtnlSocket _rtnl;
    private readonly OnLinkReader? _onLink;    // null: every peer is behind the tunnel

    private NexthopObjects? _nexthops;         // null: not looked yet

    /// <param name="rtnl">In the node's namespace; the reconciler's alone from here on.</param>
    /// <param name="published">By an earlier agent of this node, perhaps upstream's; null: nothing.</param>
    public VxlanBackend(
        VxlanConfig config,
        NetworkConfig network,
        VxlanMacFile macFile,
        RtnlSocket rtnl,
        LeaseAttributes? published = null)
    {
        (_config, _rtnl) = (config, rtnl);
        _onLink = config.DirectRouting ? new OnLinkReader(rtnl, network) : null;
        List<ITable> tables = [];
        if (network.EnableIPv4)
        {
            _devices.Add(new VxlanDevice(
                rtnl, macFile, config, network.Network, MacIn(published, published?.BackendData)));
            tables.AddRange(TablesOf(rtnl, is6: false));
        }

        if (network.EnableIPv6)
        {
            _devices.Add(new VxlanDevice(
                rtnl, macFile, config, network.IPv6Network, MacIn(published, published?.BackendV6Data)));
            tables.AddRange(TablesOf(rtnl, is6: true));
        }

        Tables = tables;
        DeviceNames = [.. _devices.Select(static device => device.Name)];
    }

    public string Type => TypeName;

    public IReadOnlyList<ITable> Tables { get; }

    public IReadOnlyList<string> DeviceNames { get; }

    public ValueTask<Ensured> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken)
    {
        List<string> repairs = [];
        List<LinuxException> failures = [];
        EquatableArray<DeviceFacts> devices =
            [.. _devices.Select(device => Ensure(device, underlay, own, repairs, failures))];
        DeviceFacts? facts4 = devices.FirstOrDefault(static facts => !facts.Is6);
        DeviceFacts? facts6 = devices.FirstOrDefault(static facts => facts.Is6);
        LeaseAttributes attributes = new(
            facts4 is null ? default : underlay.PublicIP,
            facts6 is null ? default : underlay.PublicIPv6,
            TypeName,
            DataOf(facts4),
            DataOf(facts6));

        // Pods have one MTU, which the more expensive of the two tunnels decides.
        BackendState state = new(attributes, _devices.Min(device => device.Mtu(underlay)), devices)
        {
            OnLink = ReadOnLink(underlay, failures),
            Nexthops = (_nexthops ??= LookForNexthops(facts4)) ?? NexthopObjects.Never,
        };
        return ValueTask.FromResult(new Ensured(state) { Repairs = repairs, Failures = failures });
    }

    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) =>
        _onLink is { } onLink && onLink.Concerns(kernelEvent, input);

    public PeerReading ReadPeer(Lease lease, bool is6, PlanInput input) =>
        VxlanPeer.Read(lease, is6, input, _config.Vni);

    /// <summary>Nothing: the devices stay, and pods go on talking while no agent runs.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static DeviceFacts Ensure(
        VxlanDevice device, Underlay underlay, Lease? own, List<string> repairs, List<LinuxException> failures)
    {
        try
        {
            return device.Ensure(underlay, own, repairs);
        }
        catch (LinuxException e)
        {
            failures.Add(e);
            return device.AsItIs();
        }
    }

    private OnLinkNetworks ReadOnLink(Underlay underlay, List<LinuxException> failures)
    {
        try
        {
            return _onLink?.Read(underlay, failures) ?? OnLinkNetworks.None;
        }
        catch (LinuxException e)
        {
            failures.Add(e);
            return _onLink!.Last;
        }
    }

    private NexthopObjects? LookForNexthops(DeviceFacts? device)
    {
        try
        {
            return device is null ? NexthopObjects.Never
                : device.Index == 0 ? null
                : _rtnl.ListNexthops(device.Index).Count > 0 ? NexthopObjects.Found
                : NexthopObjects.Possible;
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            return NexthopObjects.Never;    // before Linux 5.3
        }
    }

    private static List<ITable> TablesOf(RtnlSocket rtnl, bool is6)
    {
        List<ITable> tables =
        [
            new EntryTable<NeighbourKey, NeighbourEntry>(
                "neighbour",
                OfFamily<NeighbourKey, NeighbourEntry>(VxlanPlans.Neighbour, is6),
                new NeighbourStore(rtnl, is6)),
            new EntryTable<FdbKey, FdbDestination>(
                "fdb", OfFamily<FdbKey, FdbDestination>(VxlanPlans.Fdb, is6), new FdbStore(rtnl, is6)),
        ];
        NexthopStore? nexthops = is6 ? null : new NexthopStore(rtnl);
        if (nexthops is not null)
        {
            tables.Add(new EntryTable<NexthopKey, NexthopEntry>(
                "nexthop", OfFamily<NexthopKey, NexthopEntry>(VxlanPlans.Nexthop, is6), nexthops));
        }

        tables.Add(RouteTables.Create(VxlanPlans.Route, rtnl, is6, nexthops));
        if (is6)
        {
            tables.Add(new ConnectedRoutes(rtnl));
        }

        return tables;
    }

    private static PeerPlan<TKey, TEntry> OfFamily<TKey, TEntry>(PeerPlan<TKey, TEntry> plan, bool is6)
        where TKey : struct, IEquatable<TKey>
        where TEntry : struct, IEquatable<TEntry> =>
        (peer, input) => peer.Key.Is6 == is6 ? plan(peer, input) : null;

    // Peers have it, so that a node that moves to this agent, or lost its disk, is not another one to them.
    private static MacAddress? MacIn(LeaseAttributes? published, string? data) =>
        published?.BackendType == TypeName && VtepData.TryRead(data, out VtepData vtep, out _) ? vtep.Mac : null;

    private string? DataOf(DeviceFacts? facts) =>
        facts is null ? null : new VtepData(unchecked((ushort)_config.Vni), facts.Mac).ToJson();
}

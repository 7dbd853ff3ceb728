using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends.Alloc;

/// <summary>A subnet and nothing else: somebody else sees to it that nodes reach each other's pods.</summary>
internal sealed class AllocBackend(NetworkConfig network, RtnlSocket rtnl) : IBackend
{
    /// <summary>In net-conf.json.</summary>
    public const string ConfigName = "alloc";

    /// <summary>None is published, as upstream publishes none.</summary>
    public string Type => "";

    public IReadOnlyList<ITable> Tables { get; } = RouteTables.Create(static (_, _) => null, network, rtnl);

    public IReadOnlyList<string> DeviceNames => [];

    public ValueTask<Ensured> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken)
    {
        LeaseAttributes attributes = new(
            network.EnableIPv4 ? underlay.PublicIP : default,
            network.EnableIPv6 ? underlay.PublicIPv6 : default,
            Type,
            BackendData: null,
            BackendV6Data: null);
        return ValueTask.FromResult(new Ensured(new BackendState(attributes, underlay.Mtu, Devices: [])));
    }

    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) => false;

    public PeerReading ReadPeer(Lease lease, bool is6, PlanInput input) => PeerReading.None;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

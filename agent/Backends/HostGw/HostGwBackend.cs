using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends.HostGw;

/// <summary>
/// Pods' packets as they are: each node is the gateway to its own pods, by one route a peer over the link that all
/// nodes share.
/// </summary>
internal sealed class HostGwBackend : IBackend
{
    public const string TypeName = "host-gw";

    private readonly NetworkConfig _network;
    private readonly OnLinkReader _onLink;

    /// <param name="rtnl">In the node's namespace; the reconciler's alone from here on.</param>
    public HostGwBackend(NetworkConfig network, RtnlSocket rtnl)
    {
        _network = network;
        _onLink = new OnLinkReader(rtnl, network);
        Tables = RouteTables.Create(HostGwPlans.Route, network, rtnl);
    }

    public string Type => TypeName;

    public IReadOnlyList<ITable> Tables { get; }

    public IReadOnlyList<string> DeviceNames => [];

    /// <inheritdoc/>
    /// <remarks>
    /// Its failures: EADDRNOTAVAIL: peers would send to an address that this node does not have. ENETUNREACH: nothing
    /// is on the interface's link.
    /// </remarks>
    /// <exception cref="LinuxException">ENETDOWN: the interface is down, which no family goes without.</exception>
    public ValueTask<Ensured> EnsureAsync(Underlay underlay, Lease? own, CancellationToken cancellationToken)
    {
        List<LinuxException> failures = [];
        CheckPublished(underlay, underlay.PublicIP, underlay.Address, _network.EnableIPv4, failures);
        CheckPublished(underlay, underlay.PublicIPv6, underlay.AddressV6, _network.EnableIPv6, failures);
        LeaseAttributes attributes = new(
            _network.EnableIPv4 ? underlay.PublicIP : default,
            _network.EnableIPv6 ? underlay.PublicIPv6 : default,
            TypeName,
            BackendData: null,
            BackendV6Data: null);
        BackendState state = new(attributes, underlay.Mtu, Devices: [])
        {
            OnLink = _onLink.Read(underlay, failures, needed: true),
        };
        return ValueTask.FromResult(new Ensured(state) { Failures = failures });
    }

    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) => _onLink.Concerns(kernelEvent, input);

    public PeerReading ReadPeer(Lease lease, bool is6, PlanInput input) => HostGwPeer.Read(lease, is6, input);

    /// <summary>Nothing: the routes stay, and pods go on talking while no agent runs.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // Peers use the address as a gateway: what a NAT does with it is no help.
    private static void CheckPublished(
        Underlay underlay, IpAddr published, IpAddr held, bool isEnabled, List<LinuxException> failures)
    {
        if (isEnabled && published != held)
        {
            failures.Add(new LinuxException(
                $"host-gw: the public IP {published} is not {underlay.Name}'s own, {held}, so that peers cannot use it "
                + "as a gateway; leave out --public-ip, or take the backend vxlan",
                Errno.EADDRNOTAVAIL));
        }
    }
}

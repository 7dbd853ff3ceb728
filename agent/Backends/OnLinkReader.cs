using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends;

/// <summary>Asks the kernel what is on the external interface's link.</summary>
/// <param name="rtnl">In the node's namespace.</param>
/// <param name="network">The families to ask for; routes into it are our own business and say nothing.</param>
internal sealed class OnLinkReader(RtnlSocket rtnl, NetworkConfig network)
{
    /// <exception cref="LinuxException">ENETDOWN: the interface is down, so that nothing can be told.</exception>
    public OnLinkNetworks Read(Underlay underlay)
    {
        Link link = rtnl.FindLink(underlay.Index)
            ?? throw new LinuxException($"external interface {underlay.Name}", Errno.ENODEV);
        if (!link.IsUp)
        {
            // It has lost its routes, and will have them again: no reason to change anything meanwhile.
            throw new LinuxException($"external interface {link.Name} is down", Errno.ENETDOWN);
        }

        // A tunnel without neighbours, as WireGuard's, delivers only what it has been told of: no pod's packets.
        return (link.Flags & LinkFlags.IFF_NOARP) != 0
            ? OnLinkNetworks.None
            : OnLinkNetworks.Of(
                [.. Routes(is6: false), .. Routes(is6: true)],
                link.Index,
                [.. Addresses(is6: false), .. Addresses(is6: true)]);
    }

    /// <summary>Is the notification about a route of somebody else's that what was read depends on?</summary>
    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) =>
        kernelEvent.Kind == RtnlEventKind.Route
        && kernelEvent.PortId != rtnl.PortId
        && !IsToPods(kernelEvent.Route)
        && input.State.OnLink.DependsOn(kernelEvent.Route, input.Underlay.Index);

    private IEnumerable<Route> Routes(bool is6) => IsEnabled(is6)
        ? rtnl.ListRoutes(new RouteFilter(is6)).Where(r => r.Table == RouteTable.RT_TABLE_MAIN && !IsToPods(r))
        : [];

    private IEnumerable<IpAddr> Addresses(bool is6) =>
        IsEnabled(is6) ? rtnl.ListAddresses(is6).Select(static address => address.Prefix.Address) : [];

    private bool IsEnabled(bool is6) => is6 ? network.EnableIPv6 : network.EnableIPv4;

    private bool IsToPods(in Route route) =>
        network.Network.Contains(route.Destination) || network.IPv6Network.Contains(route.Destination);
}

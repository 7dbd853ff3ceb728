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
    private static readonly bool[] s_families = [false, true];    // is it IPv6?

    // Networks on the link, as they were told last.
    private List<IpPrefix> _known4 = [];
    private List<IpPrefix> _known6 = [];

    /// <summary>As it was told last.</summary>
    public OnLinkNetworks Last { get; private set; } = OnLinkNetworks.None;

    /// <summary>Both families'. Of one that cannot be told now it is as it was last.</summary>
    /// <param name="needed">
    /// Must there be any network on the link? As an interface comes up its routes are the last to appear: no reason to
    /// let every peer go for a moment.
    /// </param>
    /// <param name="failures">Get ENETUNREACH: nothing of a family is on the link.</param>
    /// <exception cref="LinuxException">ENETDOWN: the interface is down, so that nothing can be told.</exception>
    public OnLinkNetworks Read(Underlay underlay, List<LinuxException> failures, bool needed = false)
    {
        Link link = rtnl.FindLink(underlay.Index)
            ?? throw new LinuxException($"external interface {underlay.Name}", Errno.ENODEV);
        if (!link.IsUp)
        {
            // It has lost its routes, and will have them again: no reason to change anything meanwhile.
            throw new LinuxException($"external interface {link.Name} is down", Errno.ENETDOWN);
        }

        // A tunnel without neighbours, as WireGuard's, delivers only what it has been told of: no pod's packets.
        OnLinkNetworks now = (link.Flags & LinkFlags.IFF_NOARP) != 0
            ? OnLinkNetworks.None
            : Read(link.Index, is6: false).And(Read(link.Index, is6: true));
        foreach (bool is6 in s_families)
        {
            if (needed && IsEnabled(is6) && !now.HasFamily(is6))
            {
                string family = is6 ? "IPv6" : "IPv4";
                failures.Add(new LinuxException(
                    $"no {family} network is on the link of {link.Name}", Errno.ENETUNREACH));
                now = now.And(Last.OfFamily(is6));
            }
        }

        return Last = now;
    }

    /// <summary>Is the notification about a route of somebody else's that what was read depends on?</summary>
    public bool Concerns(in RtnlEvent kernelEvent, PlanInput input) =>
        kernelEvent.Kind == RtnlEventKind.Route
        && kernelEvent.PortId != rtnl.PortId
        && !IsToPods(kernelEvent.Route)
        && input.State.OnLink.DependsOn(kernelEvent.Route, input.Underlay.Index);

    /// <summary>
    /// Keeps nothing of a table with a million routes but those on the link, and what is within networks that were
    /// there last time. Where others are there now it reads again, for what is within them.
    /// </summary>
    private OnLinkNetworks Read(int linkIndex, bool is6)
    {
        if (!IsEnabled(is6))
        {
            return OnLinkNetworks.None;
        }

        List<IpPrefix> known = is6 ? _known6 : _known4;
        List<Route> kept = List(linkIndex, is6, known);
        List<IpPrefix> onLink =
            [.. kept.Where(route => OnLinkNetworks.IsOnLink(route, linkIndex)).Select(static r => r.Destination)];
        if (onLink.Exists(network => !IsWithin(known, network)))
        {
            kept = List(linkIndex, is6, onLink);
        }

        (is6 ? ref _known6 : ref _known4) = onLink;
        return OnLinkNetworks.Of(
            kept, linkIndex, rtnl.ListAddresses(is6).Select(static address => address.Prefix.Address));
    }

    private List<Route> List(int linkIndex, bool is6, List<IpPrefix> networks) => rtnl.ListRoutes(
        new RouteFilter(is6),
        route => IsOfMain(route)
            && (OnLinkNetworks.IsOnLink(route, linkIndex) || IsWithin(networks, route.Destination)));

    // No lambda: one for each of a million routes is what this is to spare.
    private static bool IsWithin(List<IpPrefix> networks, IpPrefix destination)
    {
        foreach (IpPrefix network in networks)
        {
            if (network.Contains(destination))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsOfMain(in Route route) => route.Table == RouteTable.RT_TABLE_MAIN && !IsToPods(route);

    private bool IsEnabled(bool is6) => is6 ? network.EnableIPv6 : network.EnableIPv4;

    private bool IsToPods(in Route route) =>
        network.Network.Contains(route.Destination) || network.IPv6Network.Contains(route.Destination);
}

// Loops, not LINQ: see ResultPrinter.

using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>What IPAM's answer means for the pod and for the bridge. Pure: no kernel.</summary>
internal sealed record BridgePlan
{
    /// <summary>Index of the pod's interface in a result; plugins further down a chain look for it there.</summary>
    internal const int PodInterface = 2;

    /// <summary>For the result, and the pod's addresses.</summary>
    internal required IReadOnlyList<CniIp> Ips { get; init; }

    /// <summary>For the result.</summary>
    internal required IReadOnlyList<CniRoute> Routes { get; init; }

    /// <summary>The same for the kernel, but for the interface.</summary>
    internal required IReadOnlyList<Route> PodRoutes { get; init; }

    /// <summary>Addresses of the bridge, IPv4 first.</summary>
    internal required IReadOnlyList<IpPrefix> Gateways { get; init; }

    internal required bool HasIPv6 { get; init; }

    /// <exception cref="CniException">Internal: IPAM gave no address.</exception>
    internal static BridgePlan Derive(BridgeConf conf, CniResult ipam)
    {
        if (ipam.Ips.Count == 0)
        {
            throw new CniException(CniErrorCode.Internal, "IPAM plugin returned missing IP config");
        }

        List<CniIp> ips = [];
        List<CniRoute> routes = [.. ipam.Routes];
        List<IpPrefix> gateways4 = [];
        List<IpPrefix> gateways6 = [];
        bool hasIPv6 = false;
        foreach (CniIp given in ipam.Ips)
        {
            IpAddr gateway = given.Gateway.IsNone && conf.IsGateway ? given.Address.Base.Add(1) : given.Gateway;
            ips.Add(given with { Interface = PodInterface, Gateway = gateway });
            hasIPv6 |= given.Address.Is6;
            if (conf.IsGateway)
            {
                (gateway.Is6 ? gateways6 : gateways4).Add(new IpPrefix(gateway, given.Address.Length));
            }

            if (conf.IsDefaultGateway)
            {
                AddDefaultRoute(routes, gateway);
            }
        }

        return new BridgePlan
        {
            Ips = ips,
            Routes = routes,
            PodRoutes = ForKernel(routes, ips),
            Gateways = [.. gateways4, .. gateways6],
            HasIPv6 = hasIPv6,
        };
    }

    /// <summary>Unless the family has one through a gateway.</summary>
    private static void AddDefaultRoute(List<CniRoute> routes, IpAddr gateway)
    {
        IpPrefix any = new(gateway.Is6 ? IpAddr.Any6 : IpAddr.Any4, 0);
        foreach (CniRoute route in routes)
        {
            if (route.Destination == any && !route.Gateway.IsNone)
            {
                return;
            }
        }

        routes.Add(new CniRoute(any, gateway));
    }

    private static List<Route> ForKernel(List<CniRoute> routes, List<CniIp> ips)
    {
        List<Route> kernels = [];
        foreach (CniRoute route in routes)
        {
            // A route that is limited to the link has no gateway to go through.
            bool isGlobal = route.Scope is null or RouteScope.RT_SCOPE_UNIVERSE;
            IpAddr familys = isGlobal ? FindGateway(ips, route.Destination.Is6) : default;
            kernels.Add(new Route(route.Destination.Masked)
            {
                Gateway = route.Gateway.IsNone ? familys : route.Gateway,
                Metric = (uint)route.Priority,
                Table = (uint?)route.Table ?? RouteTable.RT_TABLE_MAIN,
                Scope = route.Scope ?? RouteScope.RT_SCOPE_UNIVERSE,
                Mtu = (uint)route.Mtu,
                AdvertisedMss = (uint)route.AdvertisedMss,
            });
        }

        return kernels;
    }

    /// <summary>The family's first; none: it has none.</summary>
    private static IpAddr FindGateway(List<CniIp> ips, bool is6)
    {
        foreach (CniIp ip in ips)
        {
            if (!ip.Gateway.IsNone && ip.Gateway.Is6 == is6)
            {
                return ip.Gateway;
            }
        }

        return default;
    }
}

using System.Collections.Immutable;
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
    internal required ImmutableArray<CniIp> Ips { get; init; }

    /// <summary>For the result.</summary>
    internal required ImmutableArray<CniRoute> Routes { get; init; }

    /// <summary>The same for the kernel, but for the interface.</summary>
    internal required ImmutableArray<Route> PodRoutes { get; init; }

    /// <summary>Addresses of the bridge, IPv4 first.</summary>
    internal required ImmutableArray<IpPrefix> Gateways { get; init; }

    internal bool HasIPv6 => Ips.Any(static ip => ip.Address.Is6);

    internal bool HasIPv6Gateway => Ips.Any(static ip => ip.Gateway.Is6);

    /// <exception cref="CniException">Internal: IPAM gave no address.</exception>
    internal static BridgePlan Derive(BridgeConf conf, CniResult ipam)
    {
        if (ipam.Ips.IsEmpty)
        {
            throw new CniException(CniErrorCode.Internal, "IPAM plugin returned missing IP config");
        }

        ImmutableArray<CniIp> ips = [.. ipam.Ips.Select(ip => Complete(ip, conf.IsGateway))];
        ImmutableArray<CniRoute> routes = conf.IsDefaultGateway ? WithDefaults(ipam.Routes, ips) : ipam.Routes;
        return new BridgePlan
        {
            Ips = ips,
            Routes = routes,
            PodRoutes = [.. routes.Select(route => ForKernel(route, ips))],
            Gateways = conf.IsGateway
                ? [.. ips.OrderBy(static ip => ip.Gateway.BitLength).Where(static ip => !ip.Gateway.IsNone)
                    .Select(static ip => new IpPrefix(ip.Gateway, ip.Address.Length))]
                : [],
        };
    }

    private static CniIp Complete(CniIp ip, bool isGateway) => ip with
    {
        Interface = PodInterface,
        Gateway = ip.Gateway.IsNone && isGateway ? ip.Address.Base.Add(1) : ip.Gateway,
    };

    /// <summary>A default route per family through its first gateway, unless one through a gateway is there.</summary>
    private static ImmutableArray<CniRoute> WithDefaults(ImmutableArray<CniRoute> routes, ImmutableArray<CniIp> ips)
    {
        List<CniRoute> all = [.. routes];
        foreach (CniIp ip in ips)
        {
            IpPrefix any = new(ip.Gateway.Is6 ? IpAddr.Any6 : IpAddr.Any4, 0);
            if (!all.Any(route => route.Destination == any && !route.Gateway.IsNone))
            {
                all.Add(new CniRoute(any, ip.Gateway));
            }
        }

        return [.. all];
    }

    private static Route ForKernel(CniRoute route, ImmutableArray<CniIp> ips)
    {
        bool is6 = route.Destination.Is6;

        // A route that is limited to the link has no gateway to go through.
        bool isGlobal = route.Scope is null or RouteScope.RT_SCOPE_UNIVERSE;
        IpAddr familys = isGlobal
            ? ips.FirstOrDefault(ip => !ip.Gateway.IsNone && ip.Gateway.Is6 == is6)?.Gateway ?? default
            : default;
        return new Route(route.Destination.Masked)
        {
            Gateway = route.Gateway.IsNone ? familys : route.Gateway,
            Metric = (uint)route.Priority,
            Table = (uint?)route.Table ?? RouteTable.RT_TABLE_MAIN,
            Scope = route.Scope ?? RouteScope.RT_SCOPE_UNIVERSE,
            Mtu = (uint)route.Mtu,
            AdvertisedMss = (uint)route.AdvertisedMss,
        };
    }
}

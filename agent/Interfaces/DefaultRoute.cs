using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Interfaces;

/// <summary>The interface of the default route. Pure.</summary>
internal static class DefaultRoute
{
    /// <summary>
    /// With both families on, their default routes must agree; where only one of them has a default route, that one's
    /// interface is taken.
    /// </summary>
    internal static Attempt Find(InterfaceRequest request, HostFacts facts)
    {
        Route? route = request.EnableIPv4 ? Best(facts, is6: false) : null;
        Route? routeV6 = request.EnableIPv6 ? Best(facts, is6: true) : null;
        if ((route ?? routeV6) is not { } chosen)
        {
            return Attempt.Failed("there is no default route");
        }

        if (chosen.OutInterface == 0 || routeV6?.OutInterface == 0)
        {
            return Attempt.Failed("the default route has several paths, of which none can be preferred");
        }

        Link? link = Find(facts, chosen.OutInterface);
        Link? linkV6 = Find(facts, (routeV6 ?? chosen).OutInterface);
        if (link is null || linkV6 is null)
        {
            return Attempt.Failed("the default route's interface is gone");
        }

        return link.Index == linkV6.Index
            ? new Attempt(link, "the default route goes through it")
            : Attempt.Failed(
                $"the IPv4 default route goes through {link.Name}, the IPv6 default route through {linkV6.Name}");
    }

    // The lowest metric is what the kernel uses.
    private static Route? Best(HostFacts facts, bool is6) => facts.DefaultRoutes
        .Where(route => route.Destination.Is6 == is6)
        .OrderBy(static route => route.Metric)
        .Select(static route => (Route?)route)
        .FirstOrDefault();

    private static Link? Find(HostFacts facts, int index) => facts.Links.FirstOrDefault(link => link.Index == index);
}

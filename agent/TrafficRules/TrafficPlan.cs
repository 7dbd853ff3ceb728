using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>
/// Which rules there must be. Pure. Their order and their matches are those of upstream's, which users and the tests of
/// other projects compare with: change none.
/// </summary>
internal static class TrafficPlan
{
    // What kube-proxy marks it masquerades itself.
    private const uint KubeProxyMark = 0x4000;

    private static readonly IpPrefix s_multicast = IpPrefix.Parse("224.0.0.0/4");
    private static readonly IpPrefix s_multicast6 = IpPrefix.Parse("ff00::/8");

    /// <summary>The rules for iptables, one record a family, IPv4 first.</summary>
    /// <param name="own">This node's subnets.</param>
    /// <param name="notMasqueraded">Destinations left alone, of both families.</param>
    public static ImmutableArray<FamilyRules> ForIptables(
        TrafficSettings settings, SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded) =>
        ForBoth(settings, own, (network, subnet) =>
            [Masquerade(settings, network, subnet, notMasqueraded, s_iptablesDialect)]);

    /// <summary>The rules for nftables, one record a family, IPv4 first.</summary>
    /// <remarks>
    /// Upstream's fourth rule differs from that of iptables, and hides the last one: docs/decisions/0005. The text
    /// stays as it is; what it lacks is in a chain of its own, which comes first.
    /// </remarks>
    /// <inheritdoc cref="ForIptables"/>
    public static ImmutableArray<FamilyRules> ForNftables(
        TrafficSettings settings, SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded) =>
        ForBoth(settings, own, (network, subnet) =>
        [
            MasqueradeToPods(settings, network, subnet),
            Masquerade(settings, network, subnet, notMasqueraded, s_nftablesDialect),
        ]);

    private static readonly Dialect s_iptablesDialect = new(
        new MarkMatch(KubeProxyMark, KubeProxyMark),
        static (network, subnet) => new TrafficRule(RuleAction.Return)
        {
            Source = new AddressMatch(network, IsNegated: true),
            Destination = new AddressMatch(subnet),
        });

    private static readonly Dialect s_nftablesDialect = new(
        new MarkMatch(KubeProxyMark, uint.MaxValue),
        static (network, subnet) => new TrafficRule(RuleAction.Return)
        {
            Source = new AddressMatch(subnet, IsNegated: true),
            Destination = new AddressMatch(network),
        });

    private static ImmutableArray<FamilyRules> ForBoth(
        TrafficSettings settings, SubnetPair own, Func<IpPrefix, IpPrefix, RuleChain[]> masquerade)
    {
        List<FamilyRules> families = [];
        foreach ((IpPrefix network, IpPrefix subnet) in
            ((IpPrefix, IpPrefix)[])[(settings.Network, own.Subnet), (settings.IPv6Network, own.IPv6Subnet)])
        {
            if (network.IsNone)
            {
                continue;
            }

            List<RuleChain> chains = [];
            if (settings.Masquerades && !subnet.IsNone)
            {
                chains.AddRange(masquerade(network, subnet));
            }

            if (settings.AcceptsForwarded)
            {
                chains.Add(Forward(network));
            }

            families.Add(new FamilyRules(network.Is6, [.. chains]));
        }

        return [.. families];
    }

    private static RuleChain Masquerade(
        TrafficSettings settings,
        IpPrefix network,
        IpPrefix subnet,
        ImmutableArray<IpPrefix> notMasqueraded,
        Dialect dialect)
    {
        RuleAction masquerade = MasqueradeAction(settings);
        return new RuleChain(
            ChainRole.Masquerade,
            [
                new(RuleAction.Return) { Mark = dialect.KubeProxy },
                new(RuleAction.Return) { Source = new(subnet), Destination = new(network) },
                new(RuleAction.Return) { Source = new(network), Destination = new(subnet) },
                dialect.ToOwnPods(network, subnet),
                .. notMasqueraded
                    .Where(prefix => prefix.Is6 == network.Is6)
                    .Select(prefix => new TrafficRule(RuleAction.Return)
                    {
                        Source = new(network),
                        Destination = new(prefix),
                    }),
                new(masquerade)
                {
                    Source = new(network),
                    Destination = new(network.Is6 ? s_multicast6 : s_multicast, IsNegated: true),
                },
                new(masquerade) { Source = new(network, IsNegated: true), Destination = new(network) },
            ]);
    }

    private static RuleChain MasqueradeToPods(TrafficSettings settings, IpPrefix network, IpPrefix subnet) => new(
        ChainRole.MasqueradeToPods,
        [
            new(RuleAction.Return) { Mark = new(KubeProxyMark, KubeProxyMark) },
            new(RuleAction.Return) { Destination = new(subnet) },
            new(MasqueradeAction(settings)) { Source = new(network, IsNegated: true), Destination = new(network) },
        ]);

    private static RuleChain Forward(IpPrefix network) => new(
        ChainRole.Forward,
        [
            new(RuleAction.Accept) { Source = new(network) },
            new(RuleAction.Accept) { Destination = new(network) },
        ]);

    private static RuleAction MasqueradeAction(TrafficSettings settings) =>
        settings.IsFullyRandom ? RuleAction.MasqueradeFullyRandom : RuleAction.Masquerade;

    /// <summary>Where upstream's two sets of rules are not the same.</summary>
    private sealed record Dialect(MarkMatch KubeProxy, Func<IpPrefix, IpPrefix, TrafficRule> ToOwnPods);
}

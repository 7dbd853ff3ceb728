using FlannelCni.Agent.Leases;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Contract;
using FlannelCni.Linux.Net;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>A dual-stack cluster, and one of its nodes.</summary>
internal static class Samples
{
    internal static readonly IpPrefix Network = IpPrefix.Parse("10.42.0.0/16");
    internal static readonly IpPrefix IPv6Network = IpPrefix.Parse("2001:cafe:42::/56");
    internal static readonly SubnetPair Own =
        new(IpPrefix.Parse("10.42.1.0/24"), IpPrefix.Parse("2001:cafe:42:1::/64"));

    internal static TrafficSettings Settings { get; } = new()
    {
        SubnetFile = FlannelPaths.SubnetFile,
        Network = Network,
        IPv6Network = IPv6Network,
        Masquerades = true,
        AcceptsForwarded = true,
    };
}

using System.Collections.Immutable;
using FlannelCni.Linux.Net;

namespace FlannelCni.Contract;

/// <summary>
/// The contract between agent and plugin: what a node's pods get. The file is <c>subnet.env</c>, a line per value.
/// </summary>
/// <param name="Mtu">Of the pods' interfaces.</param>
/// <param name="IpMasq">The agent masquerades; false leaves it to the plugin.</param>
public sealed record SubnetEnv(uint Mtu, bool IpMasq)
{
    /// <summary>All pods' IPv4 networks, masked; the agent writes one, others may write more.</summary>
    public ImmutableArray<IpPrefix> Networks { get; init; } = [];

    /// <summary>As the file has it: the agent writes the first address, <c>10.244.1.1/24</c>. None: no IPv4.</summary>
    public IpPrefix Subnet { get; init; }

    /// <summary>As <see cref="Networks"/>, of IPv6.</summary>
    public ImmutableArray<IpPrefix> IPv6Networks { get; init; } = [];

    /// <summary>As <see cref="Subnet"/>, of IPv6.</summary>
    public IpPrefix IPv6Subnet { get; init; }
}

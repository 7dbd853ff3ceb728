using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>An address of a link: <c>ip address show dev INDEX</c>.</summary>
/// <param name="LinkIndex">ifindex.</param>
/// <param name="Prefix">IFA_LOCAL and the prefix length.</param>
public readonly record struct LinkAddress(int LinkIndex, IpPrefix Prefix)
{
    public AddressFlags Flags { get; init; }

    public RouteScope Scope { get; init; }

    /// <summary>IPv4 only; none: not set.</summary>
    public IpAddr Broadcast { get; init; }
}

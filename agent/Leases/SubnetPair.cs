using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>A node's subnets, one a family, host bits cleared; none where a family is off.</summary>
internal readonly record struct SubnetPair(IpPrefix Subnet, IpPrefix IPv6Subnet)
{
    public bool IsNone => Subnet.IsNone && IPv6Subnet.IsNone;

    /// <summary>Do they share an address, in either family?</summary>
    public bool Overlaps(SubnetPair other) =>
        Overlap(Subnet, other.Subnet) || Overlap(IPv6Subnet, other.IPv6Subnet);

    public override string ToString() =>
        Subnet.IsNone || IPv6Subnet.IsNone ? $"{Subnet}{IPv6Subnet}" : $"{Subnet} and {IPv6Subnet}";

    private static bool Overlap(IpPrefix left, IpPrefix right) => !left.IsNone && !right.IsNone && left.Overlaps(right);
}

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>What a node's lease may be cut from.</summary>
internal readonly record struct SubnetPools(SubnetPool IPv4, SubnetPool IPv6)
{
    /// <inheritdoc cref="SubnetPool.Derive"/>
    internal static SubnetPools Derive(NetworkConfig network) =>
        new(
            SubnetPool.Derive(network.Network, network.Subnets),
            SubnetPool.Derive(network.IPv6Network, network.IPv6Subnets));

    /// <summary>Has a lease of this pair both families, each in its range?</summary>
    internal bool Holds(SubnetPair pair) => IPv4.Holds(pair.Subnet) && IPv6.Holds(pair.IPv6Subnet);

    public override string ToString() =>
        string.Join(" and ", ((SubnetPool[])[IPv4, IPv6])
            .Where(static pool => !pool.IsNone)
            .Select(static pool => $"/{pool.Length} from {pool.Min} to {pool.Max}"));
}

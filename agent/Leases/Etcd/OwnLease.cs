namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>This node's lease and how long it lasts.</summary>
/// <param name="GrantId">etcd's lease that the key hangs on; 0: a reservation, which lasts for ever.</param>
/// <param name="RenewAt">Null for a reservation.</param>
internal sealed record OwnLease(Lease Lease, long GrantId, DateTimeOffset? RenewAt)
{
    internal SubnetPair Pair => new(Lease.Subnet, Lease.IPv6Subnet);
}

using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>A key that names a subnet, readable value or not: nobody else can have that subnet.</summary>
internal readonly record struct Claim(KeyValue Kv, SubnetPair Pair)
{
    /// <summary>Without a time limit: somebody means this subnet to be that node's.</summary>
    internal bool IsReservation => Kv.Lease == 0;
}

/// <summary>What to do about this node's lease, given all keys.</summary>
/// <param name="Reuse">Ours, and good: keep it.</param>
/// <param name="Unfit">
/// Ours, but cut from what the network was once: to be dropped, unless somebody reserved it.
/// </param>
/// <param name="Taken">Subnets of all keys that will stay.</param>
internal sealed record ClaimPlan(Claim? Reuse, IReadOnlyList<Claim> Unfit, IReadOnlyList<SubnetPair> Taken)
{
    /// <summary>
    /// Ours is what carries our address. Of several a reservation goes first (somebody meant it), then the oldest.
    /// </summary>
    internal static ClaimPlan Decide(
        IReadOnlyList<KeyValue> kvs, LeaseKeys keys, SubnetPools pools, LeaseAttributes attributes)
    {
        List<Claim> all = [];
        List<Claim> ours = [];
        foreach (KeyValue kv in kvs)
        {
            string name = keys.NameOf(kv.Key);
            if (LeaseKey.TryParse(name, out SubnetPair pair))
            {
                Claim claim = new(kv, pair);
                all.Add(claim);
                if (LeaseReader.TryRead(name, kv, out Lease? lease, out _) && lease.Attributes.IsOfNode(attributes))
                {
                    ours.Add(claim);
                }
            }
        }

        List<Claim> fit =
        [
            .. ours.Where(claim => pools.Holds(claim.Pair))
                .OrderBy(static claim => !claim.IsReservation)
                .ThenBy(static claim => claim.Kv.CreateRevision),
        ];
        List<Claim> unfit = [.. ours.Except(fit)];
        return new ClaimPlan(
            fit.Count > 0 ? fit[0] : null,
            unfit,
            [.. all.Where(claim => claim.IsReservation || !unfit.Contains(claim)).Select(static claim => claim.Pair)]);
    }
}

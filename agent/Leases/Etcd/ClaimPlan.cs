using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>A key that names a subnet, readable value or not: nobody else can have that subnet.</summary>
/// <param name="GrantId">What it hangs on, or shall; 0: it has no time limit.</param>
internal readonly record struct Claim(KeyValue Kv, SubnetPair Pair, long GrantId)
{
    internal Claim(KeyValue kv, SubnetPair pair)
        : this(kv, pair, kv.Lease)
    {
    }

    /// <summary>Without a time limit: somebody means this subnet to be that node's.</summary>
    internal bool IsReservation => GrantId == 0;

    /// <summary>Do both want a subnet, and was the other first?</summary>
    internal bool GivesWayTo(Claim other) =>
        other.Kv.CreateRevision < Kv.CreateRevision && other.Pair.Overlaps(Pair);
}

/// <summary>What to do about this node's lease, given all keys.</summary>
/// <param name="Reuse">Ours, and good: keep it.</param>
/// <param name="Unfit">
/// Ours, but cut from what the network was once, or overlapping another's that is older, or one too many: to be
/// dropped, unless somebody reserved it.
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
        List<Claim> others = [];
        List<Claim> ours = [];
        foreach (KeyValue kv in kvs)
        {
            string name = keys.NameOf(kv.Key);
            if (LeaseKey.TryParse(name, out SubnetPair pair))
            {
                bool isOurs = LeaseReader.TryRead(name, kv, out Lease? lease, out _)
                    && lease.Attributes.IsOfNode(attributes);
                (isOurs ? ours : others).Add(new Claim(kv, pair));
            }
        }

        List<Claim> fit =
        [
            .. ours.Where(claim => pools.Holds(claim.Pair) && !others.Exists(claim.GivesWayTo))
                .OrderBy(static claim => !claim.IsReservation)
                .ThenBy(static claim => claim.Kv.CreateRevision),
        ];
        List<Claim> unfit = [.. ours.Except(fit.Take(1))];
        return new ClaimPlan(
            fit.Count > 0 ? fit[0] : null,
            unfit,
            [.. others.Concat(unfit.Where(static claim => claim.IsReservation)).Select(static claim => claim.Pair)]);
    }
}

using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>Finds free subnets. Pure but for the dice handed in.</summary>
internal static class SubnetAllocator
{
    // As upstream: a choice among many makes two nodes that start together seldom want the same.
    private const int MaxChoices = 100;

    /// <summary>
    /// A free subnet of each family that is on, or null where one has none left. The preferred one of a family is taken
    /// when it is in the pool and free, whatever becomes of the other family's: a node that turns dual-stack keeps its
    /// IPv4 subnet. Else the IPv6 subnet is the one in the same place as IPv4's, so that two nodes that want the same
    /// want the same key.
    /// </summary>
    internal static SubnetPair? Pick(
        SubnetPools pools, SubnetPair preferred, IReadOnlyCollection<SubnetPair> taken, Random random)
    {
        List<IpPrefix> taken4 = [.. taken.Select(static pair => pair.Subnet)];
        List<IpPrefix> taken6 = [.. taken.Select(static pair => pair.IPv6Subnet)];
        IpPrefix? ipv4 = Pick(pools.IPv4, preferred.Subnet, taken4, random);
        IpPrefix wanted6 = Twin(pools, ipv4) is IpPrefix twin && !IsFree(pools.IPv6, preferred.IPv6Subnet, taken6)
            ? twin
            : preferred.IPv6Subnet;
        IpPrefix? ipv6 = Pick(pools.IPv6, wanted6, taken6, random);
        return ipv4 is null || ipv6 is null ? null : new SubnetPair(ipv4.Value, ipv6.Value);
    }

    private static IpPrefix? Pick(SubnetPool pool, IpPrefix preferred, List<IpPrefix> taken, Random random)
    {
        if (pool.IsNone)
        {
            return default(IpPrefix);
        }

        if (IsFree(pool, preferred, taken))
        {
            return preferred;
        }

        List<IpPrefix> free = FirstFree(pool, taken);
        return free.Count == 0 ? null : free[random.Next(free.Count)];
    }

    private static bool IsFree(SubnetPool pool, IpPrefix subnet, List<IpPrefix> taken) =>
        pool.Holds(subnet) && !taken.Exists(prefix => !prefix.IsNone && prefix.Overlaps(subnet));

    // As many subnets after IPv6's first as the IPv4 subnet is after IPv4's.
    private static IpPrefix? Twin(SubnetPools pools, IpPrefix? ipv4)
    {
        if (pools.IPv6.IsNone || ipv4 is not { IsNone: false } subnet)
        {
            return null;
        }

        UInt128 place = (subnet.Base.ToUInt128() - pools.IPv4.Min.ToUInt128()) / pools.IPv4.Step;
        UInt128 places = (pools.IPv6.Max.ToUInt128() - pools.IPv6.Min.ToUInt128()) / pools.IPv6.Step;
        return place <= places
            ? new IpPrefix(pools.IPv6.Min.Add(place * pools.IPv6.Step), pools.IPv6.Length)
            : null;
    }

    /// <summary>The first free subnets in the pool's order, at most 100.</summary>
    internal static List<IpPrefix> FirstFree(SubnetPool pool, IEnumerable<IpPrefix> taken)
    {
        List<IpPrefix> sorted = [.. taken.Where(prefix => !prefix.IsNone && prefix.Is4 == pool.Network.Is4)];
        sorted.Sort();

        List<IpPrefix> free = [];
        int next = 0;
        UInt128 at = pool.Min.ToUInt128();
        UInt128 end = pool.Max.ToUInt128();
        while (at <= end && free.Count < MaxChoices)
        {
            IpPrefix candidate = new(pool.Network.Base.Add(at - pool.Network.Base.ToUInt128()), pool.Length);
            while (next < sorted.Count && sorted[next].Last < candidate.Address)
            {
                next++;
            }

            if (next < sorted.Count && sorted[next].Overlaps(candidate))
            {
                // Past a taken prefix in one step: a /16 among /64s is no reason to count to 2^48.
                UInt128 past = sorted[next].Last.ToUInt128() / pool.Step * pool.Step;
                at = Max(past, at) + pool.Step;
            }
            else
            {
                free.Add(candidate);
                at += pool.Step;
            }

            if (at < pool.Step)
            {
                break;    // past the last address of all
            }
        }

        return free;
    }

    private static UInt128 Max(UInt128 left, UInt128 right) => left > right ? left : right;
}

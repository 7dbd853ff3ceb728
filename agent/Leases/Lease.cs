using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>Who owns which subnet, reachable how, since when.</summary>
/// <param name="Key">Its name in the datastore, unique and stable: the etcd key's last part, the Node's name.</param>
/// <param name="Subnet">None on an IPv6-only node; host bits cleared.</param>
/// <param name="IPv6Subnet">None on an IPv4-only node; host bits cleared.</param>
/// <param name="Seniority">Decides between two leases that claim the same thing.</param>
internal sealed record Lease(
    string Key, IpPrefix Subnet, IpPrefix IPv6Subnet, LeaseAttributes Attributes, Seniority Seniority)
{
    /// <summary>That of one family; none: it has none.</summary>
    public IpPrefix SubnetOf(bool is6) => is6 ? IPv6Subnet : Subnet;
}

/// <summary>
/// Which of two claims is older, the same before and after a restart: etcd's create revision, or the Node's
/// creationTimestamp in seconds; then the key.
/// </summary>
internal readonly record struct Seniority(long Since, string Key) : IComparable<Seniority>
{
    /// <summary>Negative: this one is the senior.</summary>
    public int CompareTo(Seniority other)
    {
        int bySince = Since.CompareTo(other.Since);
        return bySince != 0 ? bySince : string.CompareOrdinal(Key, other.Key);
    }

    public static bool operator <(Seniority left, Seniority right) => left.CompareTo(right) < 0;

    public static bool operator >(Seniority left, Seniority right) => left.CompareTo(right) > 0;

    public static bool operator <=(Seniority left, Seniority right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Seniority left, Seniority right) => left.CompareTo(right) >= 0;
}

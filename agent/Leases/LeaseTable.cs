using System.Collections.Immutable;

namespace FlannelCni.Agent.Leases;

/// <summary>The peers' leases at one moment, the own one left out. Replaced whole, never changed.</summary>
/// <param name="ByKey">Keyed by <see cref="Lease.Key"/>.</param>
internal sealed record LeaseTable(ImmutableDictionary<string, Lease> ByKey)
{
    public static LeaseTable Empty { get; } =
        new(ImmutableDictionary.Create<string, Lease>(StringComparer.Ordinal));

    public int Count => ByKey.Count;

    public LeaseTable With(Lease lease) => new(ByKey.SetItem(lease.Key, lease));

    public LeaseTable Without(string key) => new(ByKey.Remove(key));
}

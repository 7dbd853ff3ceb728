using System.Collections.Immutable;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>All Nodes at one moment.</summary>
/// <param name="Nodes">By name.</param>
/// <param name="Changed">Names that were added, changed or removed since the last snapshot; null: compare all.</param>
internal sealed record NodeSnapshot(
    ImmutableDictionary<string, NodeRecord> Nodes, IReadOnlyCollection<string>? Changed);

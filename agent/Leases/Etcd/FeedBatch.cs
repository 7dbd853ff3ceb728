using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>What the store says next: all keys, or what happened to some since.</summary>
/// <param name="All">Null: only the events count.</param>
/// <param name="Revision">Of the store as of this batch.</param>
internal sealed record FeedBatch(
    IReadOnlyList<KeyValue>? All, IReadOnlyList<WatchEvent> Events, long Revision, Absence Absence)
{
    /// <summary>Keys that are there, with their values.</summary>
    internal IEnumerable<KeyValue> Written =>
        (All ?? []).Concat(Events.Where(static happened => !happened.IsDelete).Select(static happened => happened.Kv));
}

/// <summary>What it means that a key is no longer there.</summary>
internal enum Absence
{
    /// <summary>It was heard as it happened.</summary>
    Heard,

    /// <summary>It happened while nobody watched.</summary>
    Missed,

    /// <summary>The store is not the one it was.</summary>
    Unproven,
}

using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// How one kind of entry is kept: in the kernel, in a daemon, in memory. It never knows why one is wanted.
/// </summary>
internal interface IStore<TKey, TEntry>
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>
{
    /// <summary>The entries that are there, ours and those that stand where ours could.</summary>
    ValueTask<Dictionary<TKey, TEntry>> ReadAsync(PlanInput input, CancellationToken cancellationToken);

    /// <summary>Who made an entry that nobody wants, as far as can be told: only ours may be removed.</summary>
    EntryOwner OwnerOf(PlanInput input, TKey key, TEntry entry);

    /// <summary>
    /// What a notification says of an entry of this kind. False: it is about something else, or our own doing.
    /// </summary>
    /// <param name="entry">As it is now; null: gone.</param>
    bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out TKey key, out TEntry? entry);

    /// <summary>Adds or replaces each by its key.</summary>
    /// <returns>The entries that were refused.</returns>
    ValueTask<IReadOnlyList<EntryFailure<TKey>>> UpsertAsync(
        IReadOnlyList<KeyValuePair<TKey, TEntry>> entries, CancellationToken cancellationToken);

    /// <summary>Removes each; one that is gone already is no failure.</summary>
    /// <returns>The entries that were refused.</returns>
    ValueTask<IReadOnlyList<EntryFailure<TKey>>> DeleteAsync(
        IReadOnlyList<KeyValuePair<TKey, TEntry>> entries, CancellationToken cancellationToken);
}

/// <summary>Who made an entry.</summary>
internal enum EntryOwner
{
    /// <summary>Not us. It is none of our business.</summary>
    Foreign,

    /// <summary>Upstream flannel may have left it, which nothing proves: worth a line, and left alone.</summary>
    PerhapsUpstream,

    /// <summary>An agent like this one, by a mark or a shape that nobody else gives to entries.</summary>
    Us,
}

/// <summary>An entry that was refused.</summary>
/// <param name="Message">What was done, to what, and why not.</param>
internal readonly record struct EntryFailure<TKey>(TKey Key, string Message)
    where TKey : struct, IEquatable<TKey>;

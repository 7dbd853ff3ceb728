using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>Adds one entry's change to a batch.</summary>
internal delegate void EntryRequest<TKey, TEntry>(RtnlBatch batch, TKey key, TEntry entry)
    where TKey : struct, IEquatable<TKey>
    where TEntry : struct, IEquatable<TEntry>;

/// <summary>
/// Writes entries in batches, each as long as one send can be: the memory it takes does not grow with the table.
/// </summary>
internal sealed class EntryWriter(RtnlSocket rtnl)
{
    private const int BatchSize = 2048;

    private readonly RtnlBatch _batch = new();

    /// <returns>The changes that were refused, by their entry's number.</returns>
    internal IReadOnlyList<BatchFailure> Write<TKey, TEntry>(
        IReadOnlyList<KeyValuePair<TKey, TEntry>> entries, EntryRequest<TKey, TEntry> request)
        where TKey : struct, IEquatable<TKey>
        where TEntry : struct, IEquatable<TEntry>
    {
        List<BatchFailure> failures = [];
        for (int first = 0; first < entries.Count; first += BatchSize)
        {
            _batch.Clear();
            int end = Math.Min(entries.Count, first + BatchSize);
            for (int i = first; i < end; i++)
            {
                request(_batch, entries[i].Key, entries[i].Value);
            }

            foreach (BatchFailure failure in rtnl.Execute(_batch))
            {
                failures.Add(failure with { Index = first + failure.Index });
            }
        }

        return failures;
    }
}

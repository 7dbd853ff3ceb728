using System.Collections.Immutable;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Storage;

/// <summary>The objects of one kind, and their changes as far back as they are remembered. Its owner locks.</summary>
internal sealed class ResourceHistory(int limit)
{
    private readonly List<StoreEvent> _events = [];
    private ImmutableSortedDictionary<string, StoredObject> _oldest = Empty;
    private TaskCompletionSource _changed = NewBell();

    internal ImmutableSortedDictionary<string, StoredObject> Current { get; private set; } = Empty;

    /// <summary>The oldest version that a watch can go on from.</summary>
    internal long Compacted { get; private set; }

    /// <summary>Ends with the next change.</summary>
    internal Task Changed => _changed.Task;

    private static ImmutableSortedDictionary<string, StoredObject> Empty { get; } =
        ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

    internal void Put(StoredObject stored)
    {
        StoredObject? previous = Current.GetValueOrDefault(stored.Key);
        Current = Current.SetItem(stored.Key, stored);
        Remember(new StoreEvent(stored, previous, IsDeletion: false, Current));
    }

    /// <param name="last">As it was, at the version of its deletion.</param>
    internal void Remove(StoredObject last)
    {
        StoredObject? previous = Current.GetValueOrDefault(last.Key);
        Current = Current.Remove(last.Key);
        Remember(new StoreEvent(last, previous, IsDeletion: true, Current));
    }

    /// <summary>The changes after a version, oldest first.</summary>
    internal IReadOnlyList<StoreEvent> After(long revision) => _events[FirstAfter(revision)..];

    /// <summary>The objects as they were at a version that is not yet compacted.</summary>
    internal ImmutableSortedDictionary<string, StoredObject> At(long revision)
    {
        int after = FirstAfter(revision);
        return after == 0 ? _oldest : _events[after - 1].After;
    }

    /// <summary>Forgets all changes up to a version, that one's too.</summary>
    internal void Compact(long revision)
    {
        int count = FirstAfter(revision);
        if (count > 0)
        {
            _oldest = _events[count - 1].After;
            _events.RemoveRange(0, count);
        }

        Compacted = Math.Max(Compacted, revision);
    }

    private static TaskCompletionSource NewBell() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Remember(StoreEvent change)
    {
        _events.Add(change);
        if (_events.Count > limit)
        {
            Compact(_events[limit / 4].Revision);
        }

        TaskCompletionSource bell = _changed;
        _changed = NewBell();
        bell.SetResult();
    }

    private int FirstAfter(long revision)
    {
        int low = 0, high = _events.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _events[middle].Revision <= revision ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}

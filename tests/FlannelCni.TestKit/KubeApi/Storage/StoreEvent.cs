using System.Collections.Immutable;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Storage;

/// <summary>One change of one object.</summary>
/// <param name="Object">As it is afterwards; of a deletion, as it was, at the deletion's version.</param>
/// <param name="Previous">Null: it is new.</param>
/// <param name="After">All objects of the kind afterwards, by key.</param>
internal sealed record StoreEvent(
    StoredObject Object,
    StoredObject? Previous,
    bool IsDeletion,
    ImmutableSortedDictionary<string, StoredObject> After)
{
    internal long Revision => Object.ResourceVersion;
}

/// <summary>All objects of a kind at one moment.</summary>
/// <param name="Revision">That of the whole store then: the list's resourceVersion.</param>
internal sealed record Snapshot(ImmutableSortedDictionary<string, StoredObject> Objects, long Revision);

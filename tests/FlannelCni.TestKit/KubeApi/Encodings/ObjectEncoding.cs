using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Encodings;

/// <summary>What a list says about itself.</summary>
/// <param name="Continue">Empty: it is complete.</param>
/// <param name="Remaining">Objects after this page; 0: none, or not counted.</param>
internal readonly record struct ListMeta(long Revision, string Continue, int Remaining);

/// <summary>How objects are put on the wire: one media type.</summary>
internal abstract class ObjectEncoding
{
    /// <summary>Content-Type of an object or a list.</summary>
    internal abstract string MediaType { get; }

    /// <summary>Content-Type of a watch.</summary>
    internal virtual string StreamType => MediaType;

    /// <summary>Whether there is such a form of this kind.</summary>
    internal virtual bool Knows(ResourceType type) => true;

    internal abstract ReadOnlyMemory<byte> Object(StoredObject stored);

    /// <summary>Piece by piece, as a list can be long.</summary>
    internal abstract IEnumerable<ReadOnlyMemory<byte>> List(
        ResourceType type, ListMeta meta, IReadOnlyList<StoredObject> items);

    /// <summary>One event of a watch, with what parts it from the next.</summary>
    /// <param name="kind">ADDED, MODIFIED or DELETED.</param>
    internal abstract ReadOnlyMemory<byte> Event(string kind, StoredObject stored);

    /// <summary>A BOOKMARK: a watch could go on from here.</summary>
    /// <param name="endsInitial">It also says that all objects of the beginning were sent.</param>
    internal abstract ReadOnlyMemory<byte> Bookmark(ResourceType type, long revision, bool endsInitial);

    /// <summary>An ERROR, after which a watch ends.</summary>
    internal abstract ReadOnlyMemory<byte> Error(ApiStatusException error);
}

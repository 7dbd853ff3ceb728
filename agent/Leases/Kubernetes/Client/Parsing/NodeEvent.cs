namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>An item of a list, or an event of a watch.</summary>
/// <param name="Node">Null for a bookmark and an error.</param>
/// <param name="ResourceVersion">Of the object; empty: it has none.</param>
/// <param name="Error">Of an error.</param>
internal readonly record struct NodeEvent(
    NodeEventKind Kind, NodeRecord? Node, string ResourceVersion, ApiStatus? Error);

/// <summary>The type of a watch event; a type that we do not know is passed over.</summary>
internal enum NodeEventKind
{
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// <summary>The API's words for the types.</summary>
internal static class NodeEventKinds
{
    /// <summary>Null: a type that we do not know.</summary>
    internal static NodeEventKind? Find(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("MODIFIED"u8) ? NodeEventKind.Modified
        : type.SequenceEqual("ADDED"u8) ? NodeEventKind.Added
        : type.SequenceEqual("DELETED"u8) ? NodeEventKind.Deleted
        : type.SequenceEqual("BOOKMARK"u8) ? NodeEventKind.Bookmark
        : type.SequenceEqual("ERROR"u8) ? NodeEventKind.Error
        : null;
}

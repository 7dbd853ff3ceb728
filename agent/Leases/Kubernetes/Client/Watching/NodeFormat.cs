using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>
/// In which form Nodes are asked for: protobuf, whose Nodes are shorter and skipped field by field, as long as it
/// works; else JSON. What is read is what the answer says it is.
/// </summary>
/// <param name="isJsonOnly">Is protobuf never asked for?</param>
internal sealed class NodeFormat(AnnotationNames names, bool isJsonOnly = false)
{
    private const int MaxUnreadable = 2;

    private int _unreadable;

    /// <summary>For the header Accept.</summary>
    internal string Accept =>
        IsJsonOnly ? KubeRequest.Json : $"{KubeRequest.Protobuf},{KubeRequest.Json}";

    internal bool IsJsonOnly => isJsonOnly || _unreadable >= MaxUnreadable;

    internal INodeParser OfList(KubeResponse response) =>
        response.IsProtobuf ? new ProtoListParser(names) : JsonNodeParser.OfList(names);

    internal INodeParser OfWatch(KubeResponse response) =>
        response.IsProtobuf ? new ProtoWatchParser(names) : JsonNodeParser.OfWatch(names);

    /// <summary>One Node, all of it there.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal NodeRecord ReadNode(KubeResponse response, ReadOnlySpan<byte> body)
    {
        NodeRecord? node = null;
        if (response.IsProtobuf)
        {
            NodeBuilder builder = new(names);
            ReadOnlySpan<byte> raw = ProtoObjects.Open(body, out string kind);
            if (kind == "Node")
            {
                ProtoObjects.ReadNode(raw, builder);
                node = builder.Build();
            }
        }
        else
        {
            JsonNodeParser parser = JsonNodeParser.OfNode(names);
            _ = parser.Parse(body);
            node = parser.IsComplete && parser.Found.Events is [{ Node: { } only }] ? only : null;
        }

        return node ?? throw new InvalidDataException("it is no Node");
    }

    /// <summary>An answer could be read.</summary>
    internal void Worked() => _unreadable = IsJsonOnly ? _unreadable : 0;

    /// <summary>A request has failed: perhaps for its form.</summary>
    /// <returns>True: from now on it is JSON.</returns>
    internal bool Judge(KubeApiException e)
    {
        bool wasJsonOnly = IsJsonOnly;
        _unreadable += e.Status == 406 ? MaxUnreadable : e.InnerException is InvalidDataException ? 1 : 0;
        return IsJsonOnly && !wasJsonOnly;
    }
}

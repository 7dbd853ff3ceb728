namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>
/// Reads the body of an answer as it streams: a list of Nodes, or the events of a watch. Two real sides: the API's JSON
/// and its protobuf. One body, one parser.
/// </summary>
internal interface INodeParser
{
    /// <summary>What was found since the last <see cref="ParsedNodes.Clear"/>.</summary>
    ParsedNodes Found { get; }

    /// <summary>May the body end here?</summary>
    bool IsComplete { get; }

    /// <summary>Reads on, as far as the bytes are enough to.</summary>
    /// <returns>How many bytes are done with; the rest has to come again, with more behind it.</returns>
    /// <exception cref="InvalidDataException">This is no such body.</exception>
    int Parse(ReadOnlySpan<byte> data);
}

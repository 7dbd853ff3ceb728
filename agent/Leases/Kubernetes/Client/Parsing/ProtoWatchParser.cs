using System.Buffers.Binary;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>
/// The events of a watch in protobuf: <c>length:u32 big-endian | metav1.WatchEvent</c>, again and again. The object in
/// an event is a body of its own, with <c>k8s\0</c>.
/// </summary>
internal sealed class ProtoWatchParser(AnnotationNames names) : INodeParser
{
    private readonly NodeBuilder _node = new(names);
    private bool _isWithin;

    public ParsedNodes Found { get; } = new();

    public bool IsComplete => !_isWithin;

    public int Parse(ReadOnlySpan<byte> data)
    {
        int done = 0;
        while (data.Length - done >= sizeof(uint))
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(data[done..]);
            if (length > ParseLimits.ObjectSize)
            {
                throw new InvalidDataException(
                    $"an event of {length} bytes; {ParseLimits.ObjectSize} are read at most");
            }

            if (data.Length - done - sizeof(uint) < length)
            {
                break;
            }

            ReadEvent(data.Slice(done + sizeof(uint), (int)length));
            done += sizeof(uint) + (int)length;
        }

        _isWithin = done < data.Length;
        return done;
    }

    private void ReadEvent(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> type = default;
        ReadOnlySpan<byte> @object = default;
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    type = fields.Bytes;
                    break;
                case 2:
                    @object = ReadRawExtension(fields.Bytes);
                    break;
            }
        }

        if (NodeEventKinds.Find(type) is { } eventKind)
        {
            ReadObject(eventKind, @object);
        }
    }

    private void ReadObject(NodeEventKind eventKind, ReadOnlySpan<byte> @object)
    {
        ReadOnlySpan<byte> raw = ProtoObjects.Open(@object, out string kind);
        switch (kind)
        {
            case "Node" when eventKind != NodeEventKind.Error:
                ProtoObjects.ReadNode(raw, _node);
                Found.Add(eventKind, _node);
                break;
            case "Status" when eventKind == NodeEventKind.Error:
                Found.Events.Add(new NodeEvent(eventKind, null, "", ProtoObjects.ReadStatus(raw)));
                break;
            default:
                throw new InvalidDataException($"a watch of Nodes has a {kind} in an event {eventKind}");
        }
    }

    private static ReadOnlySpan<byte> ReadRawExtension(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> raw = default;
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            if (field == 1)
            {
                raw = fields.Bytes;
            }
        }

        return raw;
    }
}

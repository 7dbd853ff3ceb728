namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>
/// A NodeList in protobuf: <c>k8s\0</c>, a runtime.Unknown whose field 2 is the list. A Node is read when all of it is
/// there; what else there may be is skipped as it comes.
/// </summary>
internal sealed class ProtoListParser(AnnotationNames names) : INodeParser
{
    private const int TypeMeta = 1;
    private const int Raw = 2;
    private const int ListMetadata = 1;
    private const int ListItem = 2;

    private readonly NodeBuilder _node = new(names);
    private bool _isOpen;       // the magic was there
    private bool _hasKind;
    private bool _hasList;
    private ulong _inList;      // bytes of the list that are still to come
    private ulong _toSkip;

    public ParsedNodes Found { get; } = new();

    public bool IsComplete => _hasList && _inList == 0 && _toSkip == 0;

    public int Parse(ReadOnlySpan<byte> data)
    {
        int done = 0;
        for (int step = Step(data); step > 0; step = Step(data[done..]))
        {
            done += step;
        }

        return done;
    }

    /// <summary>One field, or as much as is there of one to skip. 0: there is too little for that.</summary>
    private int Step(ReadOnlySpan<byte> data)
    {
        if (_toSkip > 0)
        {
            int skipped = (int)Math.Min(_toSkip, (ulong)data.Length);
            _toSkip -= (ulong)skipped;
            return skipped;
        }

        return !_isOpen ? StepMagic(data) : _inList > 0 ? StepList(data) : StepEnvelope(data);
    }

    private int StepMagic(ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> magic = ProtoObjects.Magic;
        int length = Math.Min(magic.Length, data.Length);
        if (!data.StartsWith(magic[..length]))
        {
            throw new InvalidDataException("protobuf: the body does not begin with k8s\\0");
        }

        _isOpen = length == magic.Length;
        return _isOpen ? length : 0;
    }

    private int StepEnvelope(ReadOnlySpan<byte> data)
    {
        int header = ReadHeader(data, out int field, out ulong length);
        if (header == 0)
        {
            return 0;
        }

        switch (field)
        {
            case TypeMeta:
                if (!IsWhole(data, header, length))
                {
                    return 0;
                }

                string kind = ProtoObjects.ReadKind(data.Slice(header, (int)length));
                _hasKind = kind == "NodeList"
                    ? true
                    : throw new InvalidDataException($"protobuf: a {kind} instead of a NodeList");
                return header + (int)length;
            case Raw when !_hasKind || _hasList:
                throw new InvalidDataException("protobuf: the body is no NodeList");
            case Raw:
                _hasList = true;
                _inList = length;
                return header;
            default:
                _toSkip = length;
                return header;
        }
    }

    private int StepList(ReadOnlySpan<byte> data)
    {
        int header = ReadHeader(data, out int field, out ulong length);
        if (header == 0)
        {
            return 0;
        }

        if ((ulong)header + length > _inList)
        {
            throw new InvalidDataException("protobuf: a field is longer than the list it is in");
        }

        if (field is not (ListMetadata or ListItem))
        {
            _inList -= (ulong)header + length;
            _toSkip = length;
            return header;
        }

        if (!IsWhole(data, header, length))
        {
            return 0;
        }

        ReadOnlySpan<byte> message = data.Slice(header, (int)length);
        _inList -= (ulong)header + length;
        if (field == ListMetadata)
        {
            ProtoObjects.ReadListMeta(message, Found);
        }
        else
        {
            ProtoObjects.ReadNode(message, _node);
            Found.Add(NodeEventKind.Added, _node);
        }

        return header + (int)length;
    }

    /// <summary>A field's tag and, of a length-delimited one, its length; of another, that of its value.</summary>
    /// <returns>How many bytes they have; 0: there are more to come.</returns>
    private static int ReadHeader(ReadOnlySpan<byte> data, out int field, out ulong length)
    {
        length = 0;
        field = 0;
        int tagLength = ProtoSpan.TryReadVarint(data, out ulong value);
        if (tagLength == 0)
        {
            return 0;
        }

        uint tag = ProtoSpan.Tag(value);
        field = (int)(tag >> 3);
        int second = ProtoSpan.TryReadVarint(data[tagLength..], out ulong number);
        switch (tag & 7)
        {
            case ProtoSpan.LengthDelimited:
                length = number <= long.MaxValue ? number : throw new InvalidDataException("protobuf: no length");
                return second == 0 ? 0 : tagLength + second;
            case ProtoSpan.Varint:
                field = 0;    // nothing that we want
                return second == 0 ? 0 : tagLength + second;
            case ProtoSpan.Fixed64:
                (field, length) = (0, 8);
                return tagLength;
            case ProtoSpan.Fixed32:
                (field, length) = (0, 4);
                return tagLength;
            default:
                throw new InvalidDataException($"protobuf: field {field} has an unknown wire type");
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> data, int header, ulong length) =>
        length > ParseLimits.ObjectSize
            ? throw new InvalidDataException($"an object of {length} bytes; {ParseLimits.ObjectSize} are read at most")
            : (ulong)data.Length >= (ulong)header + length;
}

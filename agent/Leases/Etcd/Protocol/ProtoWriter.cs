using Google.Protobuf;

namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary>
/// Writes one protocol buffer message, field by field. As proto3 has it, a zero or empty field is left out; the
/// members of a oneof are written even then. <see cref="ToArray"/> ends it.
/// </summary>
internal sealed class ProtoWriter : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _output;

    internal ProtoWriter() => _output = new CodedOutputStream(_bytes);

    internal ProtoWriter Bytes(int field, byte[] value) => value.Length == 0 ? this : Message(field, value);

    /// <summary>A nested message, even when empty.</summary>
    internal ProtoWriter Message(int field, byte[] value)
    {
        _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    internal ProtoWriter String(int field, string value)
    {
        if (value.Length > 0)
        {
            _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            _output.WriteString(value);
        }

        return this;
    }

    internal ProtoWriter Int64(int field, long value) => value == 0 ? this : Int64OfOneof(field, value);

    internal ProtoWriter Int64OfOneof(int field, long value)
    {
        _output.WriteTag(field, WireFormat.WireType.Varint);
        _output.WriteInt64(value);
        return this;
    }

    internal ProtoWriter Bool(int field, bool value) => Int64(field, value ? 1 : 0);

    internal byte[] ToArray()
    {
        _output.Flush();
        byte[] message = _bytes.ToArray();
        Dispose();
        return message;
    }

    public void Dispose()
    {
        _output.Dispose();
        _bytes.Dispose();
    }
}

using System.Runtime.InteropServices;
using FlannelCni.Agent.Leases.Etcd.Grpc;
using Google.Protobuf;

namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary>Steps through the fields of a message. Fields that nobody asks for are skipped.</summary>
internal sealed class ProtoReader(CodedInputStream input)
{
    private WireFormat.WireType _type;

    /// <exception cref="EtcdException">Internal: the bytes are no such message.</exception>
    internal static T Parse<T>(byte[] message, Func<ProtoReader, T> read)
    {
        try
        {
            return read(new ProtoReader(new CodedInputStream(message)));
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException)
        {
            throw new EtcdException(GrpcStatus.Internal, $"etcd's answer cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Steps to the next varint or length-delimited field.</summary>
    /// <param name="field">Its number.</param>
    internal bool Next(out int field)
    {
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            field = WireFormat.GetTagFieldNumber(tag);
            _type = WireFormat.GetTagWireType(tag);
            if (_type is WireFormat.WireType.Varint or WireFormat.WireType.LengthDelimited)
            {
                return true;
            }

            input.SkipLastField();
        }

        field = 0;
        return false;
    }

    internal long Int64() => _type == WireFormat.WireType.Varint ? input.ReadInt64() : throw Mismatch();

    internal bool Bool() => Int64() != 0;

    internal byte[] Bytes() => ByteString().ToByteArray();

    internal string String() => ByteString().ToStringUtf8();

    /// <summary>A nested message.</summary>
    internal ProtoReader Message()
    {
        // A ByteString always stands on an array.
        _ = MemoryMarshal.TryGetArray(ByteString().Memory, out ArraySegment<byte> bytes);
        return new ProtoReader(new CodedInputStream(bytes.Array ?? [], bytes.Offset, bytes.Count));
    }

    internal void Skip() => input.SkipLastField();

    private ByteString ByteString() =>
        _type == WireFormat.WireType.LengthDelimited ? input.ReadBytes() : throw Mismatch();

    private static InvalidDataException Mismatch() => new("a field has another wire type than etcd's API says");
}

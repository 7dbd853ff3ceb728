using System.Buffers;
using System.Text;

namespace FlannelCni.TestKit.Protobuf;

/// <summary>Writes the fields of one protobuf message, one after another.</summary>
internal sealed class ProtoWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    internal byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    internal ProtoWriter Text(int number, string value) => Bytes(number, Encoding.UTF8.GetBytes(value));

    /// <summary>A nested message.</summary>
    internal ProtoWriter Message(int number, ProtoWriter value) => Bytes(number, value._bytes.WrittenSpan);

    /// <summary>Also a nested message that is written already.</summary>
    internal ProtoWriter Bytes(int number, ReadOnlySpan<byte> value)
    {
        Head(number, value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>A field of bytes that follow elsewhere.</summary>
    internal ProtoWriter Head(int number, long length)
    {
        Varint((ulong)number << 3 | 2);
        Varint((ulong)length);
        return this;
    }

    internal ProtoWriter Integer(int number, long value)
    {
        Varint((ulong)number << 3);
        Varint((ulong)value);
        return this;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.Write([(byte)(value | 0x80)]);
        }

        _bytes.Write([(byte)value]);
    }
}

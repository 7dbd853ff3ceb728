using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Netlink;

/// <summary>
/// Appends attributes, <c>nla_len:u16 | nla_type:u16 | payload | pad to 4</c>, of one level of a message.
/// A nest is a writer of the inner level's enum, closed by <c>using</c>.
/// </summary>
public readonly ref struct AttributeWriter<TAttr> : IDisposable
    where TAttr : unmanaged, Enum
{
    private const int HeaderSize = 4;
    private const ushort NLA_F_NESTED = 0x8000;

    private readonly Span<byte> _buffer;
    private readonly ref uint _length;    // nlmsg_len itself
    private readonly int _nestStart;      // where the nest's own header is; -1 at the top level

    internal AttributeWriter(Span<byte> buffer, ref uint length, int nestStart)
    {
        _buffer = buffer;
        _length = ref length;
        _nestStart = nestStart;
    }

    /// <summary>An attribute without payload: its presence says it.</summary>
    public void WriteFlag(TAttr type) => Append(type, 0);

    public void Write(TAttr type, byte value) => Append(type, 1)[0] = value;

    public void Write(TAttr type, ushort value) => MemoryMarshal.Write(Append(type, 2), value);

    public void Write(TAttr type, uint value) => MemoryMarshal.Write(Append(type, 4), value);

    public void Write(TAttr type, int value) => MemoryMarshal.Write(Append(type, 4), value);

    public void Write(TAttr type, ulong value) => MemoryMarshal.Write(Append(type, 8), value);

    public void Write(TAttr type, ReadOnlySpan<byte> value) => value.CopyTo(Append(type, value.Length));

    public void Write(TAttr type, IpAddr value) => value.WriteTo(Append(type, value.ByteLength));

    public void Write(TAttr type, MacAddress value) => value.WriteTo(Append(type, MacAddress.ByteLength));

    /// <summary>A be16.</summary>
    public void WriteBigEndian(TAttr type, ushort value) =>
        BinaryPrimitives.WriteUInt16BigEndian(Append(type, 2), value);

    /// <summary>A be32.</summary>
    public void WriteBigEndian(TAttr type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Append(type, 4), value);

    /// <summary>A be64.</summary>
    public void WriteBigEndian(TAttr type, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(Append(type, 8), value);

    /// <summary>A NUL-terminated string in UTF-8.</summary>
    public void WriteString(TAttr type, string value) =>
        Encoding.UTF8.GetBytes(value, Append(type, Encoding.UTF8.GetByteCount(value) + 1));

    /// <summary>A nest that begins with a header of its own, as VETH_INFO_PEER does; closed by <c>using</c>.</summary>
    public AttributeWriter<TInner> Nest<THeader, TInner>(TAttr type, in THeader header)
        where THeader : unmanaged
        where TInner : unmanaged, Enum
    {
        AttributeWriter<TInner> nest = Nest<TInner>(type);
        Span<byte> bytes = _buffer.Slice((int)_length, Unsafe.SizeOf<THeader>());
        MemoryMarshal.Write(bytes, header);
        _length += (uint)bytes.Length;
        return nest;
    }

    /// <summary>Opens a nest; closed by <c>using</c>.</summary>
    public AttributeWriter<TInner> Nest<TInner>(TAttr type)
        where TInner : unmanaged, Enum
    {
        int start = (int)_length;
        Append((ushort)(Unsafe.BitCast<TAttr, ushort>(type) | NLA_F_NESTED), 0);
        return new AttributeWriter<TInner>(_buffer, ref _length, start);
    }

    /// <summary>Closes a nest: its nla_len becomes all that was written since.</summary>
    public void Dispose()
    {
        if (_nestStart >= 0)
        {
            MemoryMarshal.Write(_buffer[_nestStart..], checked((ushort)(_length - _nestStart)));
        }
    }

    private Span<byte> Append(TAttr type, int size) => Append(Unsafe.BitCast<TAttr, ushort>(type), size);

    /// <summary>The zeroed payload of a new attribute.</summary>
    private Span<byte> Append(ushort type, int size)
    {
        int padded = (HeaderSize + size + 3) & ~3;
        Span<byte> attribute = _buffer.Slice((int)_length, padded);
        attribute.Clear();
        MemoryMarshal.Write(attribute, checked((ushort)(HeaderSize + size)));
        MemoryMarshal.Write(attribute[2..], type);
        _length += (uint)padded;
        return attribute.Slice(HeaderSize, size);
    }
}

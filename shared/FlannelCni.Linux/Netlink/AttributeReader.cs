using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using FlannelCni.Linux.Net;

namespace FlannelCni.Linux.Netlink;

/// <summary>
/// Walks the attributes of one level by <c>foreach</c>. Types the enum does not know pass by in silence.
/// A malformed length is InvalidDataException, never a read past the end.
/// </summary>
public ref struct AttributeReader<TAttr>
    where TAttr : unmanaged, Enum
{
    private const int HeaderSize = 4;
    private const ushort NLA_TYPE_MASK = 0x3FFF;    // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private ReadOnlySpan<byte> _rest;

    public AttributeReader(ReadOnlySpan<byte> attributes)
    {
        _rest = attributes;
        Current = default;
    }

    public NetlinkAttribute<TAttr> Current { get; private set; }

    public readonly AttributeReader<TAttr> GetEnumerator() => this;

    /// <exception cref="InvalidDataException">A length below its header or past the end.</exception>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        if (_rest.Length < HeaderSize)
        {
            throw new InvalidDataException($"netlink attribute: {_rest.Length} bytes where a header of 4 was expected");
        }

        int length = MemoryMarshal.Read<ushort>(_rest);
        ushort type = (ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & NLA_TYPE_MASK);
        if (length < HeaderSize || length > _rest.Length)
        {
            throw new InvalidDataException($"netlink attribute {type}: length {length} of {_rest.Length} bytes");
        }

        Current = new NetlinkAttribute<TAttr>(Unsafe.BitCast<ushort, TAttr>(type), _rest[HeaderSize..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }
}

/// <summary>One attribute. Its accessors check the payload's length and name the attribute when it is wrong.</summary>
public readonly ref struct NetlinkAttribute<TAttr>(TAttr type, ReadOnlySpan<byte> payload)
    where TAttr : unmanaged, Enum
{
    public TAttr Type { get; } = type;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public byte ReadByte() => Exactly(1)[0];

    public ushort ReadUInt16() => MemoryMarshal.Read<ushort>(Exactly(2));

    public ushort ReadUInt16BigEndian() => BinaryPrimitives.ReadUInt16BigEndian(Exactly(2));

    public int ReadInt32() => MemoryMarshal.Read<int>(Exactly(4));

    public uint ReadUInt32() => MemoryMarshal.Read<uint>(Exactly(4));

    public uint ReadUInt32BigEndian() => BinaryPrimitives.ReadUInt32BigEndian(Exactly(4));

    public ulong ReadUInt64() => MemoryMarshal.Read<ulong>(Exactly(8));

    public ulong ReadUInt64BigEndian() => BinaryPrimitives.ReadUInt64BigEndian(Exactly(8));

    /// <summary>Text up to the NUL, which may be missing.</summary>
    public string ReadString()
    {
        int end = Payload.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? Payload : Payload[..end]);
    }

    public IpAddr ReadIpAddr() => IpAddr.FromBytes(Payload.Length == 16 ? Payload : Exactly(4));

    public MacAddress ReadMac() => MacAddress.FromBytes(Exactly(MacAddress.ByteLength));

    /// <summary>The level below.</summary>
    public AttributeReader<TInner> Nested<TInner>()
        where TInner : unmanaged, Enum => new(Payload);

    private ReadOnlySpan<byte> Exactly(int length) => Payload.Length == length
        ? Payload
        : throw new InvalidDataException($"netlink attribute {Type}: {Payload.Length} bytes, {length} expected");
}

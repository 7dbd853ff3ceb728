using System.Buffers.Binary;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>Steps through the fields of a whole protobuf message. Fields that nobody asks for are skipped.</summary>
/// <remarks>protobuf.dev, "Encoding". Groups (3, 4) are in nothing that the API has.</remarks>
internal ref struct ProtoSpan(ReadOnlySpan<byte> message)
{
    internal const int Varint = 0;
    internal const int Fixed64 = 1;
    internal const int LengthDelimited = 2;
    internal const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes;
    private ulong _number;
    private int _wireType;

    /// <summary>Steps to the next field.</summary>
    /// <exception cref="InvalidDataException">Cut, or no message.</exception>
    internal bool Next(out int field)
    {
        if (_rest.IsEmpty)
        {
            field = 0;
            return false;
        }

        uint tag = ReadTag();
        field = (int)(tag >> 3);
        _wireType = (int)(tag & 7);
        switch (_wireType)
        {
            case Varint:
                _number = ReadVarint();
                break;
            case Fixed64:
                _number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case LengthDelimited:
                _bytes = Take(ReadVarint());
                break;
            case Fixed32:
                _number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException($"protobuf: field {field} has the unknown wire type {_wireType}");
        }

        return true;
    }

    /// <summary>The field's bytes: a text, or a message.</summary>
    internal readonly ReadOnlySpan<byte> Bytes => _wireType == LengthDelimited ? _bytes : throw Mismatch();

    /// <summary>The field's number, as a signed one.</summary>
    internal readonly long Int64 => _wireType == Varint ? (long)_number : throw Mismatch();

    /// <summary>Reads a varint at the begin of some bytes.</summary>
    /// <returns>How many bytes it has; 0: there are more to come.</returns>
    /// <exception cref="InvalidDataException">It has more than ten bytes.</exception>
    internal static int TryReadVarint(ReadOnlySpan<byte> data, out ulong value)
    {
        value = 0;
        for (int i = 0; i < data.Length && i < 10; i++)
        {
            value |= (ulong)(data[i] & 0x7F) << (7 * i);
            if (data[i] < 0x80)
            {
                return i + 1;
            }
        }

        return data.Length < 10 ? 0 : throw new InvalidDataException("protobuf: a varint has more than ten bytes");
    }

    /// <summary>A field's number and wire type in one.</summary>
    /// <exception cref="InvalidDataException">None that exists.</exception>
    internal static uint Tag(ulong value) => value is >= 8 and <= uint.MaxValue
        ? (uint)value
        : throw new InvalidDataException($"protobuf: {value} is no tag of a field");

    private uint ReadTag() => Tag(ReadVarint());

    private ulong ReadVarint()
    {
        int length = TryReadVarint(_rest, out ulong value);
        _ = Take(length > 0 ? (ulong)length : ulong.MaxValue);
        return value;
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw new InvalidDataException("protobuf: a message ends within a field");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private static InvalidDataException Mismatch() =>
        new("protobuf: a field has another wire type than the Kubernetes API says");
}

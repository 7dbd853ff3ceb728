namespace FlannelCni.TestKit.Protobuf;

/// <summary>Reads the fields of one protobuf message, one after another.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The next field: its bytes, or its integer.</summary>
    /// <exception cref="InvalidDataException">There is half a field.</exception>
    internal bool Next(out int number, out ReadOnlySpan<byte> data, out ulong integer)
    {
        data = default;
        number = 0;
        integer = 0;
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = Varint();
        number = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0:
                integer = Varint();
                break;
            case 1:
                _ = Take(8);
                break;
            case 2:
                data = Take(Varint());
                break;
            case 5:
                _ = Take(4);
                break;
            default:
                throw Malformed();
        }

        return true;
    }

    private static InvalidDataException Malformed() => new("the bytes are no protobuf message");

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Malformed();
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw Malformed();
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}

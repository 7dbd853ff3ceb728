using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Encodings.Protobuf;

/// <summary>Reads messages of <see cref="ProtoSchema"/> as JSON; fields it does not know are left out.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>A whole message.</summary>
    /// <exception cref="ApiStatusException">400: not one.</exception>
    internal static JsonObject Message(ReadOnlySpan<byte> bytes, string message)
    {
        ProtoField[] fields = ProtoSchema.Message(message);
        JsonObject content = [];
        ProtoReader reader = new(bytes);
        while (reader.Next(out int number, out ReadOnlySpan<byte> data, out ulong integer))
        {
            if (Array.Find(fields, field => field.Number == number) is ProtoField field)
            {
                Put(content, field, data, (long)integer);
            }
        }

        return content;
    }

    /// <summary>The next field: its bytes, or its integer.</summary>
    /// <exception cref="ApiStatusException">400: there is half a field.</exception>
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

    private static void Put(JsonObject content, ProtoField field, ReadOnlySpan<byte> data, long integer)
    {
        if (field.IsMap)
        {
            if (content[field.Name] is not JsonObject members)
            {
                content[field.Name] = members = [];
            }

            ProtoReader entry = new(data);
            string key = "";
            JsonNode value = "";
            while (entry.Next(out int number, out ReadOnlySpan<byte> part, out ulong _))
            {
                (key, value) = number == 1 ? (Encoding.UTF8.GetString(part), value) : (key, Value(field, part, 0));
            }

            members[key] = value;
        }
        else if (field.IsRepeated)
        {
            if (content[field.Name] is not JsonArray items)
            {
                content[field.Name] = items = [];
            }

            items.Add(Value(field, data, integer));
        }
        else if (field.Kind != ProtoKind.Text || !data.IsEmpty)
        {
            content[field.Name] = Value(field, data, integer);
        }
    }

    private static JsonNode Value(ProtoField field, ReadOnlySpan<byte> data, long integer) => field.Kind switch
    {
        ProtoKind.Text => Encoding.UTF8.GetString(data),
        ProtoKind.Bytes => Convert.ToBase64String(data),
        ProtoKind.Integer => integer,
        ProtoKind.Boolean => integer != 0,
        ProtoKind.Time => Time(data),
        ProtoKind.Quantity => Quantity(data),
        _ => Message(data, field.Message),
    };

    private static string Time(ReadOnlySpan<byte> data)
    {
        (long seconds, long nanos) = (0, 0);
        ProtoReader reader = new(data);
        while (reader.Next(out int number, out _, out ulong integer))
        {
            (seconds, nanos) = number == 1 ? ((long)integer, nanos) : (seconds, (long)integer);
        }

        DateTimeOffset time = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanos / 100);
        string format = nanos == 0 ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:ss.ffffffZ";
        return time.ToString(format, CultureInfo.InvariantCulture);
    }

    private static string Quantity(ReadOnlySpan<byte> data)
    {
        ProtoReader reader = new(data);
        return reader.Next(out _, out ReadOnlySpan<byte> text, out _) ? Encoding.UTF8.GetString(text) : "";
    }

    private static ApiStatusException Malformed() =>
        ApiStatusException.BadRequest("the body of the request is no protobuf message");

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

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.Protobuf;

namespace FlannelCni.TestKit.KubeApi.Encodings.Protobuf;

/// <summary>JSON as messages of <see cref="ProtoSchema"/> and back; what it does not know is left out.</summary>
internal static class ProtoJson
{
    /// <summary>Writes a message.</summary>
    internal static byte[] Write(JsonObject content, string message)
    {
        ProtoWriter writer = new();
        foreach (ProtoField field in ProtoSchema.Message(message))
        {
            Field(writer, field, content[field.Name]);
        }

        return writer.ToArray();
    }

    /// <summary>Reads a message.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal static JsonObject Read(ReadOnlySpan<byte> bytes, string message)
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

    private static void Field(ProtoWriter to, ProtoField field, JsonNode? node)
    {
        switch (node)
        {
            case null:
                break;
            case JsonObject members when field.IsMap:
                foreach ((string key, JsonNode? value) in members)
                {
                    ProtoWriter entry = new ProtoWriter().Text(1, key);
                    Value(entry, field with { Number = 2 }, value!);
                    to.Message(field.Number, entry);
                }

                break;
            case JsonArray items when field.IsRepeated:
                foreach (JsonNode? item in items)
                {
                    Value(to, field, item!);
                }

                break;
            default:
                Value(to, field, node);
                break;
        }
    }

    private static void Value(ProtoWriter to, ProtoField field, JsonNode node)
    {
        switch (field.Kind)
        {
            case ProtoKind.Text:
                to.Text(field.Number, (string)node!);
                break;
            case ProtoKind.Bytes:
                to.Bytes(field.Number, Convert.FromBase64String((string)node!));
                break;
            case ProtoKind.Integer:
                to.Integer(field.Number, (long)node);
                break;
            case ProtoKind.Boolean:
                to.Integer(field.Number, (bool)node ? 1 : 0);
                break;
            case ProtoKind.Time:
                DateTimeOffset time = DateTimeOffset.Parse((string)node!, CultureInfo.InvariantCulture);
                ProtoWriter timestamp = new ProtoWriter().Integer(1, time.ToUnixTimeSeconds());
                to.Message(field.Number, timestamp.Integer(2, time.Ticks % TimeSpan.TicksPerSecond * 100));
                break;
            case ProtoKind.Quantity:
                to.Message(field.Number, new ProtoWriter().Text(1, node.ToString()));
                break;
            default:
                to.Bytes(field.Number, Write((JsonObject)node, field.Message));
                break;
        }
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
                (key, value) = number == 1 ? (Encoding.UTF8.GetString(part), value) : (key, ValueOf(field, part, 0));
            }

            members[key] = value;
        }
        else if (field.IsRepeated)
        {
            if (content[field.Name] is not JsonArray items)
            {
                content[field.Name] = items = [];
            }

            items.Add(ValueOf(field, data, integer));
        }
        else if (field.Kind != ProtoKind.Text || !data.IsEmpty)
        {
            content[field.Name] = ValueOf(field, data, integer);
        }
    }

    private static JsonNode ValueOf(ProtoField field, ReadOnlySpan<byte> data, long integer) => field.Kind switch
    {
        ProtoKind.Text => Encoding.UTF8.GetString(data),
        ProtoKind.Bytes => Convert.ToBase64String(data),
        ProtoKind.Integer => integer,
        ProtoKind.Boolean => integer != 0,
        ProtoKind.Time => Time(data),
        ProtoKind.Quantity => Quantity(data),
        _ => Read(data, field.Message),
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
}

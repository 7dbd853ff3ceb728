using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi.Encodings.Protobuf;

/// <summary>Writes JSON as messages of <see cref="ProtoSchema"/>; members it does not know are left out.</summary>
internal sealed class ProtoWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    internal byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>A whole object as a message.</summary>
    internal static byte[] Message(JsonObject content, string message)
    {
        ProtoWriter writer = new();
        foreach (ProtoField field in ProtoSchema.Message(message))
        {
            writer.Field(field, content[field.Name]);
        }

        return writer.ToArray();
    }

    internal ProtoWriter Text(int number, string value) => Bytes(number, Encoding.UTF8.GetBytes(value));

    /// <summary>Also nested messages.</summary>
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

    private void Field(ProtoField field, JsonNode? node)
    {
        switch (node)
        {
            case null:
                break;
            case JsonObject members when field.IsMap:
                foreach ((string key, JsonNode? value) in members)
                {
                    ProtoWriter entry = new ProtoWriter().Text(1, key);
                    entry.Value(field with { Number = 2 }, value!);
                    Bytes(field.Number, entry.ToArray());
                }

                break;
            case JsonArray items when field.IsRepeated:
                foreach (JsonNode? item in items)
                {
                    Value(field, item!);
                }

                break;
            default:
                Value(field, node);
                break;
        }
    }

    private void Value(ProtoField field, JsonNode node)
    {
        switch (field.Kind)
        {
            case ProtoKind.Text:
                Text(field.Number, (string)node!);
                break;
            case ProtoKind.Bytes:
                Bytes(field.Number, Convert.FromBase64String((string)node!));
                break;
            case ProtoKind.Integer:
                Integer(field.Number, (long)node);
                break;
            case ProtoKind.Boolean:
                Integer(field.Number, (bool)node ? 1 : 0);
                break;
            case ProtoKind.Time:
                DateTimeOffset time = DateTimeOffset.Parse((string)node!, CultureInfo.InvariantCulture);
                ProtoWriter timestamp = new ProtoWriter().Integer(1, time.ToUnixTimeSeconds());
                Bytes(field.Number, timestamp.Integer(2, time.Ticks % TimeSpan.TicksPerSecond * 100).ToArray());
                break;
            case ProtoKind.Quantity:
                Bytes(field.Number, new ProtoWriter().Text(1, node.ToString()).ToArray());
                break;
            default:
                Bytes(field.Number, Message((JsonObject)node, field.Message));
                break;
        }
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

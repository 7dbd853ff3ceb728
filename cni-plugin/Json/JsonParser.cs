using System.Text.Json;

namespace FlannelCni.Plugin.Json;

/// <summary>Reads a document. Nothing may follow it but white space.</summary>
internal static class JsonParser
{
    private const int MaxDepth = 200;

    /// <exception cref="JsonException">Not JSON, or nested too deeply.</exception>
    internal static JsonValue Parse(ReadOnlySpan<byte> document)
    {
        Utf8JsonReader reader = new(document, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            _ = reader.Read();
            JsonValue value = ReadValue(ref reader);
            _ = reader.Read();
            return value;
        }
        catch (InvalidOperationException e)
        {
            // Half a surrogate pair, or bytes that are no UTF-8.
            throw new JsonException("text that is not Unicode", e);
        }
    }

    /// <exception cref="JsonException">Not JSON, or something else than an object.</exception>
    internal static JsonMap ParseMap(ReadOnlySpan<byte> document) => Parse(document).Map
        ?? throw new JsonException("the document is no object");

    private static JsonValue ReadValue(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => ReadMap(ref reader),
        JsonTokenType.StartArray => ReadArray(ref reader),
        JsonTokenType.String => reader.GetString() ?? "",
        JsonTokenType.Number => reader.TryGetDouble(out double number) && double.IsFinite(number)
            ? number
            : throw new JsonException("a number that no double can hold"),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => JsonValue.Null,
    };

    private static JsonMap ReadMap(ref Utf8JsonReader reader)
    {
        JsonMap map = new();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string key = reader.GetString() ?? "";
            _ = reader.Read();
            map.Set(key, ReadValue(ref reader));
        }

        return map;
    }

    private static List<JsonValue> ReadArray(ref Utf8JsonReader reader)
    {
        List<JsonValue> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(ReadValue(ref reader));
        }

        return items;
    }
}

using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>JSON in and out, and what is often asked of an object.</summary>
internal static class JsonText
{
    private static readonly JsonWriterOptions s_writer = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };


    private static readonly JsonDocumentOptions s_reader = new() { AllowDuplicateProperties = false };

    internal static byte[] Write(JsonNode node)
    {
        ArrayBufferWriter<byte> buffer = new(1 << 10);
        using (Utf8JsonWriter writer = new(buffer, s_writer))
        {
            node.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="ApiStatusException">400: no JSON, or no object.</exception>
    internal static JsonObject Read(ReadOnlyMemory<byte> utf8) => ReadAny(utf8) as JsonObject
        ?? throw ApiStatusException.BadRequest("the body of the request is not a JSON object");

    /// <exception cref="ApiStatusException">400: no JSON.</exception>
    internal static JsonNode? ReadAny(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return JsonNode.Parse(utf8.Span, documentOptions: s_reader);
        }
        catch (JsonException e)
        {
            throw ApiStatusException.BadRequest($"the body of the request is no JSON: {e.Message}");
        }
    }

    /// <summary>The metadata, made if there is none.</summary>
    internal static JsonObject Metadata(this JsonObject content)
    {
        if (content["metadata"] is not JsonObject metadata)
        {
            content["metadata"] = metadata = [];
        }

        return metadata;
    }

    /// <summary>A string member; null: absent, or another kind of value.</summary>
    internal static string? Text(this JsonObject content, string name) =>
        content[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? (string?)value : null;

    /// <summary>A member of members, <c>spec.nodeName</c>, as text; empty: absent.</summary>
    internal static string TextAt(this JsonObject content, string path)
    {
        JsonNode? node = content;
        foreach (string name in path.Split('.'))
        {
            node = (node as JsonObject)?[name];
        }

        return node is JsonValue value ? value.ToString() : "";
    }

    internal static string Text(this long number) => number.ToString(CultureInfo.InvariantCulture);
}

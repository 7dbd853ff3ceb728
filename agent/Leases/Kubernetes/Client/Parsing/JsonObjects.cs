using System.Text.Json;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>Small objects of the API in JSON, read whole.</summary>
internal static class JsonObjects
{
    /// <summary><c>metav1.Status</c>; null: it is something else.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static ApiStatus? ReadStatus(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement root = document.RootElement;
        return root.ValueKind != JsonValueKind.Object || Text(root, "kind") != "Status" ? null
            : new ApiStatus(
                Number(root, "code"),
                Text(root, "reason") ?? "",
                Text(root, "message") ?? "",
                Object(root, "details") is { } details ? Number(details, "retryAfterSeconds") : 0);
    }

    /// <summary>A Pod's <c>spec.nodeName</c>; null: it has none.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static string? FindNodeName(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return Object(document.RootElement, "spec") is { } spec && Text(spec, "nodeName") is { Length: > 0 } name
            ? name
            : null;
    }

    private static JsonElement? Object(JsonElement within, string name) =>
        within.ValueKind == JsonValueKind.Object && within.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement within, string name) =>
        within.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static int Number(JsonElement within, string name) =>
        within.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out int number) ? number : 0;
}

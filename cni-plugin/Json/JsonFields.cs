using System.Text.Json;

namespace FlannelCni.Plugin.Json;

/// <summary>Reads fields as Go decodes a struct: keys in any case, a wrong type fails the document.</summary>
internal static class JsonFields
{
    /// <summary>Empty: there is none.</summary>
    /// <exception cref="JsonException">Not a string.</exception>
    internal static string Text(this JsonMap map, string field) => map.TextOrNull(field) ?? "";

    /// <summary>Null: there is none; an empty one is one.</summary>
    /// <inheritdoc cref="Text" path="/exception"/>
    internal static string? TextOrNull(this JsonMap map, string field) => map.Field(field, JsonKind.String)?.Text;

    internal static bool Flag(this JsonMap map, string field) => map.Field(field, JsonKind.Boolean)?.IsTrue ?? false;

    internal static JsonMap? Object(this JsonMap map, string field) => map.Field(field, JsonKind.Object)?.Map;

    /// <summary>Null: there is none; an empty list is one.</summary>
    internal static IReadOnlyList<JsonValue>? Array(this JsonMap map, string field) =>
        map.Field(field, JsonKind.Array)?.Items;

    /// <summary>Null: there is none.</summary>
    /// <exception cref="JsonException">Not a number, or not a whole one of 32 bits.</exception>
    internal static int? Integer(this JsonMap map, string field)
    {
        if (map.Field(field, JsonKind.Number) is not JsonValue value)
        {
            return null;
        }

        return value.Number == Math.Floor(value.Number) && Math.Abs(value.Number) <= int.MaxValue
            ? (int)value.Number
            : throw new JsonException(
                $"\"{field}\" is {GoNumber.Format(value.Number)}, a whole number of 32 bits is expected");
    }

    /// <summary>The objects of a list; empty: there is none.</summary>
    internal static List<JsonMap> Objects(this JsonMap map, string field)
    {
        List<JsonMap> objects = [];
        foreach (JsonValue item in map.Array(field) ?? [])
        {
            objects.Add(item.Map ?? throw Mismatch($"an item of \"{field}\"", item.Kind, JsonKind.Object));
        }

        return objects;
    }

    /// <summary>The strings of a list; empty: there is none.</summary>
    internal static List<string> Texts(this JsonMap map, string field)
    {
        List<string> texts = [];
        foreach (JsonValue item in map.Array(field) ?? [])
        {
            texts.Add(item.Kind == JsonKind.String
                ? item.Text
                : throw Mismatch($"an item of \"{field}\"", item.Kind, JsonKind.String));
        }

        return texts;
    }

    /// <summary>
    /// The last of equal fields counts. But a null leaves a plain value what it was, and an object only adds to the one
    /// before it.
    /// </summary>
    private static JsonValue? Field(this JsonMap map, string field, JsonKind kind)
    {
        JsonValue? found = null;
        foreach ((string key, JsonValue value) in map.Members)
        {
            if (!string.Equals(key, field, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            found = value.Kind == JsonKind.Null ? (kind is JsonKind.Object or JsonKind.Array ? null : found)
                : value.Kind != kind ? throw Mismatch($"\"{field}\"", value.Kind, kind)
                : found?.Map is { } earlier && value.Map is { } later ? earlier.With(later)
                : value;
        }

        return found;
    }

    private static JsonException Mismatch(string what, JsonKind found, JsonKind expected) =>
        new($"{what} is {Name(found)}, {Name(expected)} is expected");

    private static string Name(JsonKind kind) => kind switch
    {
        JsonKind.Null => "null",
        JsonKind.Boolean => "true or false",
        JsonKind.Number => "a number",
        JsonKind.String => "a string",
        JsonKind.Array => "a list",
        _ => "an object",
    };
}

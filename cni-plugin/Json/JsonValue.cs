namespace FlannelCni.Plugin.Json;

/// <summary>What a <see cref="JsonValue"/> is.</summary>
internal enum JsonKind
{
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// <summary>
/// A JSON value as Go's free-form decoding sees it: numbers are doubles, the last of equal keys counts. Not JsonNode,
/// which refuses equal keys, keeps the text of numbers, and is slow to start.
/// </summary>
internal sealed class JsonValue
{
    private JsonValue(JsonKind kind) => Kind = kind;

    internal static JsonValue Null { get; } = new(JsonKind.Null);

    internal JsonKind Kind { get; }

    internal bool IsTrue { get; private init; }

    internal double Number { get; private init; }

    /// <summary>Empty for all but strings.</summary>
    internal string Text { get; private init; } = "";

    /// <summary>Empty for all but arrays.</summary>
    internal IReadOnlyList<JsonValue> Items { get; private init; } = [];

    /// <summary>Null for all but objects.</summary>
    internal JsonMap? Map { get; private init; }

    public static implicit operator JsonValue(bool value) => new(JsonKind.Boolean) { IsTrue = value };

    public static implicit operator JsonValue(double value) => new(JsonKind.Number) { Number = value };

    public static implicit operator JsonValue(string value) => new(JsonKind.String) { Text = value };

    public static implicit operator JsonValue(List<JsonValue> items) => new(JsonKind.Array) { Items = items };

    public static implicit operator JsonValue(JsonMap map) => new(JsonKind.Object) { Map = map };
}

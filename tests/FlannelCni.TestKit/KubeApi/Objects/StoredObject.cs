using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>One version of one object, as it is kept and sent. It never changes.</summary>
public sealed class StoredObject
{
    private readonly Dictionary<string, string> _labels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _fields = new(StringComparer.Ordinal);
    private byte[]? _protobuf;

    /// <param name="content">In order, without kind and apiVersion, with this resourceVersion in its metadata.</param>
    public StoredObject(ResourceType type, JsonObject content, long resourceVersion)
    {
        Type = type;
        ResourceVersion = resourceVersion;
        JsonObject metadata = content.Metadata();
        Name = metadata.Text("name") ?? "";
        Namespace = type.IsNamespaced ? metadata.Text("namespace") ?? "" : "";
        Uid = metadata.Text("uid") ?? "";
        foreach ((string key, JsonNode? value) in metadata["labels"] as JsonObject ?? [])
        {
            _labels[key] = (string?)value ?? "";
        }

        foreach (string path in type.Fields)
        {
            _fields[path] = content.TextAt(path);
        }

        _fields["metadata.name"] = Name;
        _fields["metadata.namespace"] = Namespace;
        Json = JsonText.Write(content);
    }

    public ResourceType Type { get; }

    public string Namespace { get; }

    public string Name { get; }

    public string Uid { get; }

    public long ResourceVersion { get; }

    /// <summary>UTF-8, from <c>{"metadata":</c> on: without kind and apiVersion, as items of a list are.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>Where it stands among its kind: by namespace, then by name.</summary>
    public string Key => KeyOf(Type, Namespace, Name);

    public IReadOnlyDictionary<string, string> Labels => _labels;

    /// <summary>What field selectors can ask for. Absent is empty; an unknown path is null.</summary>
    public string? Field(string path) => _fields.GetValueOrDefault(path);

    public static string KeyOf(ResourceType type, string @namespace, string name) =>
        type.IsNamespaced ? $"{@namespace}/{name}" : name;

    /// <summary>A copy to read or change, without kind and apiVersion.</summary>
    public JsonObject Content() => JsonText.Read(Json);

    /// <summary>A copy as clients see it.</summary>
    public JsonObject Whole()
    {
        JsonObject whole = new() { ["kind"] = Type.Kind, ["apiVersion"] = Type.ApiVersion };
        foreach ((string key, JsonNode? value) in Content())
        {
            whole[key] = value?.DeepClone();
        }

        return whole;
    }

    /// <summary>Its other form, made once.</summary>
    internal ReadOnlyMemory<byte> Protobuf(Func<StoredObject, byte[]> encode) => _protobuf ??= encode(this);
}

using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Registry;

namespace FlannelCni.TestKit.KubeApi;

/// <summary>Objects of one kind, as a test that need not ask the server sees and changes them.</summary>
public sealed class KubeObjects
{
    private readonly ObjectRegistry _registry;
    private readonly ResourceType _type;

    internal KubeObjects(ObjectRegistry registry, ResourceType type) => (_registry, _type) = (registry, type);

    /// <summary>As clients see them, by namespace and name.</summary>
    public IReadOnlyList<JsonObject> All =>
        [.. _registry.Store.Read(_type).Objects.Values.Select(static stored => stored.Whole())];

    /// <summary>As clients see it; null: there is none.</summary>
    public JsonObject? Find(string name, string @namespace = "") =>
        _registry.Store.Find(_type, StoredObject.KeyOf(_type, @namespace, name))?.Whole();

    /// <summary>As POST does.</summary>
    /// <exception cref="ApiStatusException"/>
    public JsonObject Add(string json, string @namespace = "") => Add((JsonObject)JsonNode.Parse(json)!, @namespace);

    /// <inheritdoc cref="Add(string, string)"/>
    public JsonObject Add(JsonObject content, string @namespace = "") =>
        _registry.Create(_type, @namespace, content).Whole();

    /// <summary>As PUT does; the status stays.</summary>
    /// <exception cref="ApiStatusException"/>
    public JsonObject Update(string name, Action<JsonObject> change, string @namespace = "") =>
        Update(name, change, isStatus: false, @namespace);

    /// <summary>As PUT to the subresource does; the spec stays.</summary>
    /// <exception cref="ApiStatusException"/>
    public JsonObject UpdateStatus(string name, Action<JsonObject> change, string @namespace = "") =>
        Update(name, change, isStatus: true, @namespace);

    /// <summary>As DELETE does.</summary>
    /// <exception cref="ApiStatusException"/>
    public void Delete(string name, string @namespace = "") => _ = _registry.Delete(_type, @namespace, name);

    /// <summary>Waits until one is as wanted.</summary>
    /// <param name="because"><c>node1 has its annotations</c>.</param>
    public Task WaitAsync(
        string name,
        Func<JsonObject, bool> condition,
        string because,
        TimeSpan? within = null,
        string @namespace = "") =>
        Wait.Until(
            () => Find(name, @namespace) is JsonObject found && condition(found),
            within ?? TimeSpan.FromSeconds(10),
            () => $"{because}: {Find(name, @namespace)?.ToJsonString() ?? "it is not there"}");

    private JsonObject Update(string name, Action<JsonObject> change, bool isStatus, string @namespace)
    {
        JsonObject Changed(JsonObject current)
        {
            change(current);
            return current;
        }

        return _registry.Update(_type, @namespace, name, Changed, isStatus).Whole();
    }
}

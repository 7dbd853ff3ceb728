using System.Globalization;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Patches;

/// <summary>application/json-patch+json: RFC 6902.</summary>
internal static class JsonPatch
{
    /// <returns>A new tree.</returns>
    /// <exception cref="ApiStatusException">400: no such operation. 422: no such path; a test fails.</exception>
    internal static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        JsonObject result = (JsonObject)target.DeepClone();
        foreach (JsonObject operation in operations.OfType<JsonObject>())
        {
            Apply(result, operation);
        }

        return result;
    }

    private static void Apply(JsonObject root, JsonObject operation)
    {
        string name = operation.Text("op") ?? "";
        string path = operation.Text("path")
            ?? throw ApiStatusException.BadRequest("an operation of the patch has no path");
        string from = operation.Text("from") ?? "";
        JsonNode? value = operation["value"]?.DeepClone();
        switch (name)
        {
            case "add":
                Add(root, path, value);
                break;
            case "remove":
                Remove(root, path);
                break;
            case "replace":
                Remove(root, path);
                Add(root, path, value);
                break;
            case "move":
                value = Find(root, from)?.DeepClone();
                Remove(root, from);
                Add(root, path, value);
                break;
            case "copy":
                Add(root, path, Find(root, from)?.DeepClone());
                break;
            case "test" when JsonNode.DeepEquals(Find(root, path), value):
                break;
            case "test":
                throw Unprocessable($"testing value {path} failed");
            default:
                throw ApiStatusException.BadRequest($"unexpected kind of operation: {name}");
        }
    }

    private static void Add(JsonObject root, string path, JsonNode? value)
    {
        (JsonNode parent, string last) = Parent(root, path);
        switch (parent)
        {
            case JsonObject members:
                members[last] = value;
                break;
            case JsonArray items when last == "-":
                items.Add(value);
                break;
            case JsonArray items:
                items.Insert(Index(last, items.Count, path), value);
                break;
            default:
                throw Missing(path);
        }
    }

    private static void Remove(JsonObject root, string path)
    {
        (JsonNode parent, string last) = Parent(root, path);
        switch (parent)
        {
            case JsonObject members when members.Remove(last):
                break;
            case JsonArray items:
                items.RemoveAt(Index(last, items.Count - 1, path));
                break;
            default:
                throw Missing(path);
        }
    }

    private static JsonNode? Find(JsonObject root, string path)
    {
        (JsonNode parent, string last) = Parent(root, path);
        return parent switch
        {
            JsonObject members when members.TryGetPropertyValue(last, out JsonNode? value) => value,
            JsonArray items => items[Index(last, items.Count - 1, path)],
            _ => throw Missing(path),
        };
    }

    private static (JsonNode Parent, string Last) Parent(JsonObject root, string path)
    {
        string[] names = [.. path.Split('/').Skip(1).Select(static name => name
            .Replace("~1", "/", StringComparison.Ordinal)
            .Replace("~0", "~", StringComparison.Ordinal))];
        if (names.Length == 0)
        {
            throw Missing(path);
        }

        JsonNode node = root;
        foreach (string name in names[..^1])
        {
            node = node switch
            {
                JsonObject members => members[name],
                JsonArray items => items[Index(name, items.Count - 1, path)],
                _ => null,
            } ?? throw Missing(path);
        }

        return (node, names[^1]);
    }

    private static int Index(string text, int largest, string path) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index <= largest
            ? index
            : throw Missing(path);

    private static ApiStatusException Missing(string path) => Unprocessable($"missing value at {path}");

    private static ApiStatusException Unprocessable(string why) =>
        new(422, "Invalid", $"the server rejected our request due to an error in our request: {why}");
}

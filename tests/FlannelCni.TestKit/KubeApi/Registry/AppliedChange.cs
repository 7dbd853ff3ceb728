using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Patches;

namespace FlannelCni.TestKit.KubeApi.Registry;

/// <summary>
/// Server-side apply, without conflicts and without managedFields: what a manager applied last time and leaves out now
/// is removed, all else is merged.
/// </summary>
internal static class AppliedChange
{
    /// <returns>A strategic merge patch.</returns>
    internal static JsonObject Of(JsonObject last, JsonObject applied) => Of(last, applied, "");

    private static JsonObject Of(JsonObject last, JsonObject applied, string holder)
    {
        JsonObject patch = [];
        foreach ((string name, JsonNode? before) in last)
        {
            if (!applied.ContainsKey(name))
            {
                patch[name] = before is JsonObject members ? Of(members, [], name) : null;
            }
        }

        foreach ((string name, JsonNode? value) in applied)
        {
            patch[name] = (last[name], value) switch
            {
                (JsonObject before, JsonObject now) => Of(before, now, name),
                (JsonArray before, JsonArray now) when MergeKeys.For(holder, name) is { Length: > 0 } key =>
                    Items(before, now, key, name),
                _ => value?.DeepClone(),
            };
        }

        return patch;
    }

    private static JsonArray Items(JsonArray last, JsonArray applied, string key, string name)
    {
        JsonObject? In(JsonArray items, JsonNode? wanted) =>
            items.OfType<JsonObject>().FirstOrDefault(item => JsonNode.DeepEquals(item[key], wanted));

        JsonArray patch = [];
        foreach (JsonObject item in applied.OfType<JsonObject>())
        {
            patch.Add((JsonNode)Of(In(last, item[key]) ?? [], item, name));
        }

        foreach (JsonObject item in last.OfType<JsonObject>().Where(item => In(applied, item[key]) is null))
        {
            patch.Add((JsonNode)new JsonObject { ["$patch"] = "delete", [key] = item[key]?.DeepClone() });
        }

        return patch;
    }
}

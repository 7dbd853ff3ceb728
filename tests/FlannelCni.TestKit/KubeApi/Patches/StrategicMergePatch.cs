using System.Text.Json;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Patches;

/// <summary>
/// application/strategic-merge-patch+json: as a merge patch, but lists that have a key (<see cref="MergeKeys"/>) are
/// merged by it, and members that begin with $ are directives.
/// </summary>
/// <remarks>kubernetes/community, sig-api-machinery/strategic-merge-patch.md.</remarks>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeleteFrom = "$deleteFromPrimitiveList/";
    private const string ElementOrder = "$setElementOrder/";

    /// <returns>A new tree; neither argument changes.</returns>
    /// <exception cref="ApiStatusException">400: an item without its list's key, or an unknown directive.</exception>
    internal static JsonObject Apply(JsonObject target, JsonObject patch) => Merge(target, patch, "");

    private static JsonObject Merge(JsonObject target, JsonObject patch, string holder)
    {
        switch (patch.Text(Directive))
        {
            case null or "merge":
                break;
            case "replace":
                return Plain(patch);
            case "delete":
                return [];
            case string other:
                throw ApiStatusException.BadRequest($"unknown patch type: {other}");
        }

        JsonObject result = (JsonObject)target.DeepClone();
        foreach ((string name, JsonNode? value) in patch)
        {
            if (name.StartsWith(DeleteFrom, StringComparison.Ordinal))
            {
                RemoveValues(result, name[DeleteFrom.Length..], value);
            }
            else if (!name.StartsWith('$'))
            {
                MergeMember(result, name, value, holder);
            }
        }

        Retain(result, patch);
        foreach ((string name, JsonNode? value) in patch)
        {
            if (name.StartsWith(ElementOrder, StringComparison.Ordinal) && value is JsonArray order)
            {
                Order(result, name[ElementOrder.Length..], order, holder);
            }
        }

        return result;
    }

    private static void MergeMember(JsonObject result, string name, JsonNode? value, string holder)
    {
        switch (value)
        {
            case null:
                result.Remove(name);
                break;
            case JsonObject { } members when members.Text(Directive) == "delete":
                result.Remove(name);
                break;
            case JsonObject members:
                result[name] = Merge(result[name] as JsonObject ?? [], members, name);
                break;
            case JsonArray items when MergeKeys.For(holder, name) is string key:
                result[name] = MergeList(result[name] as JsonArray ?? [], items, key, name);
                break;
            default:
                result[name] = value.DeepClone();
                break;
        }
    }

    private static JsonArray MergeList(JsonArray target, JsonArray patch, string key, string name)
    {
        if (key == MergeKeys.Set)
        {
            JsonArray union = (JsonArray)target.DeepClone();
            foreach (JsonNode? value in patch.Where(value => !Holds(union, value)).ToArray())
            {
                union.Add(value?.DeepClone());
            }

            return union;
        }

        bool replaces = patch.OfType<JsonObject>().Any(
            static item => item.Count == 1 && item.Text(Directive) == "replace");
        JsonArray result = replaces ? [] : (JsonArray)target.DeepClone();
        foreach (JsonNode? node in patch)
        {
            if (node is not JsonObject item || (item.Count == 1 && item.ContainsKey(Directive)))
            {
                continue;
            }

            JsonNode wanted = item[key]
                ?? throw ApiStatusException.BadRequest(
                    $"map: {item.ToJsonString()} does not contain declared merge key: {key}");
            int at = IndexOf(result, key, wanted);
            if (item.Text(Directive) == "delete")
            {
                RemoveAt(result, at);
            }
            else if (at < 0)
            {
                result.Add(Merge([], item, name));
            }
            else
            {
                result[at] = Merge((JsonObject)result[at]!, item, name);
            }
        }

        return result;
    }

    private static void RemoveAt(JsonArray items, int at)
    {
        if (at >= 0)
        {
            items.RemoveAt(at);
        }
    }

    private static void RemoveValues(JsonObject result, string name, JsonNode? values)
    {
        if (result[name] is JsonArray items && values is JsonArray gone)
        {
            result[name] = new JsonArray(
                [.. items.Where(item => !Holds(gone, item)).Select(static item => item?.DeepClone())]);
        }
    }

    // Of a union: members that the patch does not name are dropped.
    private static void Retain(JsonObject result, JsonObject patch)
    {
        if (patch[RetainKeys] is JsonArray kept)
        {
            string[] gone = [.. result.Select(static member => member.Key).Where(
                name => !kept.Any(keep => keep?.GetValueKind() == JsonValueKind.String && (string?)keep == name))];
            Array.ForEach(gone, name => result.Remove(name));
        }
    }

    // Those that the patch orders come in its order; the others keep their places behind the one they followed.
    private static void Order(JsonObject result, string name, JsonArray order, string holder)
    {
        if (result[name] is not JsonArray items || MergeKeys.For(holder, name) is not string key)
        {
            return;
        }

        int last = -1;
        IEnumerable<(JsonNode? Item, int Place)> placed = items.Select(item =>
        {
            int place = PlaceOf(item, order, key);
            last = place < 0 ? last : place;
            return (item, last);
        });
        result[name] = new JsonArray(
            [.. placed.OrderBy(static pair => pair.Place).Select(static pair => pair.Item?.DeepClone()).ToArray()]);
    }

    private static int PlaceOf(JsonNode? item, JsonArray order, string key)
    {
        if (key == MergeKeys.Set)
        {
            return order.ToList().FindIndex(other => JsonNode.DeepEquals(item, other));
        }

        return item is JsonObject { } members && members[key] is JsonNode value ? IndexOf(order, key, value) : -1;
    }

    private static int IndexOf(JsonArray items, string key, JsonNode value) => items.ToList().FindIndex(
        item => item is JsonObject members && JsonNode.DeepEquals(members[key], value));

    private static bool Holds(JsonArray items, JsonNode? value) =>
        items.Any(item => JsonNode.DeepEquals(item, value));

    // What a patch says, without its directives.
    private static JsonObject Plain(JsonObject patch) => new(
        patch.Where(static member => !member.Key.StartsWith('$'))
            .Select(static member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
}

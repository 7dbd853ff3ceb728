using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Registry;

/// <summary>The form in which objects are kept: members in the API's order, nothing that is null or left out.</summary>
internal static class ObjectForm
{
    private static readonly string[] s_members = ["metadata", "spec", "status"];

    private static readonly string[] s_metadata =
    [
        "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    ];

    /// <summary>A new tree.</summary>
    internal static JsonObject Of(JsonObject content)
    {
        JsonObject result = [];
        foreach (string name in s_members)
        {
            Copy(content, name, result);
        }

        foreach ((string name, JsonNode? _) in content)
        {
            if (name is not ("kind" or "apiVersion") && !s_members.Contains(name))
            {
                Copy(content, name, result);
            }
        }

        JsonObject metadata = [];
        foreach (string name in s_metadata)
        {
            Copy(result.Metadata(), name, metadata);
        }

        foreach (string map in (string[])["labels", "annotations", "finalizers", "ownerReferences"])
        {
            if (metadata[map] is JsonObject { Count: 0 } or JsonArray { Count: 0 })
            {
                metadata.Remove(map);
            }
        }

        result["metadata"] = metadata;
        return result;
    }

    private static void Copy(JsonObject from, string name, JsonObject to)
    {
        if (WithoutNulls(from[name]) is JsonNode value)
        {
            to[name] = value;
        }
    }

    private static JsonNode? WithoutNulls(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members
            .Where(static member => member.Value is not null)
            .Select(static member => KeyValuePair.Create(member.Key, WithoutNulls(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(WithoutNulls)]),
        _ => node?.DeepClone(),
    };
}

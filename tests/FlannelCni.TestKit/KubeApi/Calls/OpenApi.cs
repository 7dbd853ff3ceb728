using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>
/// /openapi/v3 as far as kubectl looks into it: which kinds can be patched, and that the server takes dryRun and
/// fieldValidation. There are no schemas in it, so that kubectl uses those it was built with.
/// </summary>
internal static class OpenApi
{
    /// <summary>Null: no such path.</summary>
    internal static JsonNode? Find(string path) => path.Trim('/').Split('/') switch
    {
        ["openapi", "v3"] => Index(),
        ["openapi", "v3", "api", "v1"] => Document("", "v1"),
        ["openapi", "v3", "apis", string group, string version] => Document(group, version),
        ["openapi", "v2"] => new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = Info(),
            ["paths"] = new JsonObject(),
            ["definitions"] = new JsonObject(),
        },
        _ => null,
    };

    private static JsonObject Info() => new() { ["title"] = "Kubernetes", ["version"] = "unversioned" };

    private static JsonObject Index()
    {
        JsonObject paths = [];
        foreach (string root in ResourceTypes.All.Select(RootOf).Distinct())
        {
            paths[root] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{root}" };
        }

        return new JsonObject { ["paths"] = paths };
    }

    private static JsonObject? Document(string group, string version)
    {
        JsonObject paths = [];
        foreach (ResourceType type in ResourceTypes.All.Where(type => type.Group == group && type.Version == version))
        {
            string scope = type.IsNamespaced ? "/namespaces/{namespace}" : "";
            paths[$"/{RootOf(type)}{scope}/{type.Plural}/{{name}}"] = new JsonObject
            {
                ["patch"] = new JsonObject
                {
                    ["operationId"] = $"patch{type.Kind}",
                    ["parameters"] = new JsonArray(
                        Query("dryRun"), Query("fieldManager"), Query("fieldValidation"), Query("force")),
                    ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
                    ["x-kubernetes-action"] = "patch",
                    ["x-kubernetes-group-version-kind"] = new JsonObject
                    {
                        ["group"] = group,
                        ["version"] = version,
                        ["kind"] = type.Kind,
                    },
                },
            };
        }

        return paths.Count == 0 ? null : new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = paths,
        };
    }

    private static JsonObject Query(string name) => new()
    {
        ["name"] = name,
        ["in"] = "query",
        ["schema"] = new JsonObject { ["type"] = "string" },
    };

    private static string RootOf(ResourceType type) =>
        type.Group.Length == 0 ? $"api/{type.Version}" : $"apis/{type.Group}/{type.Version}";
}

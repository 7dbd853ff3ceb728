using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>What the server says about itself: groups, resources, version, health.</summary>
internal sealed class Discovery(string gitVersion)
{
    /// <summary>Null: no such path.</summary>
    /// <param name="accept">A client that accepts aggregated discovery gets it.</param>
    internal JsonNode? Find(string path, string accept)
    {
        bool isAggregated = accept.Contains("as=APIGroupDiscoveryList", StringComparison.Ordinal)
            && accept.Contains("v=v2;", StringComparison.Ordinal);
        return path.Trim('/').Split('/') switch
        {
            ["version"] => Version(),
            ["api"] when isAggregated => Aggregated(static type => type.Group.Length == 0),
            ["apis"] when isAggregated => Aggregated(static type => type.Group.Length > 0),
            ["api"] => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") },
            ["apis"] => Groups(),
            ["api", "v1"] => Resources("", "v1"),
            ["apis", string group] => Group(group),
            ["apis", string group, string version] => Resources(group, version),
            _ => null,
        };
    }

    internal static string AggregatedMediaType =>
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    private static JsonArray Verbs(bool isStatus) => isStatus
        ? new JsonArray("get", "patch", "update")
        : new JsonArray("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch");

    private static JsonArray Texts(IEnumerable<string> texts) =>
        new([.. texts.Select(static text => (JsonNode)JsonValue.Create(text))]);

    private static JsonObject? Resources(string group, string version)
    {
        JsonArray resources = [];
        foreach (ResourceType type in ResourceTypes.All.Where(type => type.Group == group && type.Version == version))
        {
            resources.Add((JsonNode)new JsonObject
            {
                ["name"] = type.Plural,
                ["singularName"] = type.Singular,
                ["namespaced"] = type.IsNamespaced,
                ["kind"] = type.Kind,
                ["verbs"] = Verbs(isStatus: false),
                ["shortNames"] = Texts(type.ShortNames),
            });
            if (type.HasStatus)
            {
                resources.Add((JsonNode)new JsonObject
                {
                    ["name"] = $"{type.Plural}/status",
                    ["singularName"] = "",
                    ["namespaced"] = type.IsNamespaced,
                    ["kind"] = type.Kind,
                    ["verbs"] = Verbs(isStatus: true),
                });
            }
        }

        return resources.Count == 0 ? null : new()
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = resources,
        };
    }

    private static JsonObject Groups()
    {
        string[] names = [.. ResourceTypes.All
            .Select(static type => type.Group)
            .Where(static group => group.Length > 0)
            .Distinct()];
        return new JsonObject
        {
            ["kind"] = "APIGroupList",
            ["apiVersion"] = "v1",
            ["groups"] = new JsonArray([.. names.Select(Group)]),
        };
    }

    private static JsonNode? Group(string name)
    {
        string? version = ResourceTypes.All.FirstOrDefault(type => type.Group == name)?.Version;
        if (version is null)
        {
            return null;
        }

        JsonObject Named() => new() { ["groupVersion"] = $"{name}/{version}", ["version"] = version };
        return new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = name,
            ["versions"] = new JsonArray(Named()),
            ["preferredVersion"] = Named(),
        };
    }

    private static JsonObject Aggregated(Func<ResourceType, bool> which)
    {
        JsonArray groups = [];
        foreach (IGrouping<string, ResourceType> group in ResourceTypes.All
            .Where(which)
            .GroupBy(static type => type.Group))
        {
            groups.Add((JsonNode)new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = group.Key, ["creationTimestamp"] = null },
                ["versions"] = new JsonArray(new JsonObject
                {
                    ["version"] = group.First().Version,
                    ["resources"] = new JsonArray([.. group.Select(Aggregated)]),
                    ["freshness"] = "Current",
                }),
            });
        }

        return new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = groups,
        };
    }

    private static JsonNode Aggregated(ResourceType type)
    {
        JsonObject Kind() => new() { ["group"] = type.Group, ["version"] = type.Version, ["kind"] = type.Kind };
        JsonObject resource = new()
        {
            ["resource"] = type.Plural,
            ["responseKind"] = Kind(),
            ["scope"] = type.IsNamespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = type.Singular,
            ["verbs"] = Verbs(isStatus: false),
            ["shortNames"] = Texts(type.ShortNames),
        };
        if (type.HasStatus)
        {
            resource["subresources"] = new JsonArray(new JsonObject
            {
                ["subresource"] = "status",
                ["responseKind"] = Kind(),
                ["verbs"] = Verbs(isStatus: true),
            });
        }

        return resource;
    }

    private JsonObject Version()
    {
        string[] parts = gitVersion.TrimStart('v').Split('.');
        return new JsonObject
        {
            ["major"] = parts[0],
            ["minor"] = parts[1],
            ["gitVersion"] = gitVersion,
            ["gitCommit"] = "",
            ["gitTreeState"] = "clean",
            ["buildDate"] = "2026-01-01T00:00:00Z",
            ["goVersion"] = "",
            ["compiler"] = "",
            ["platform"] = "linux/amd64",
        };
    }
}

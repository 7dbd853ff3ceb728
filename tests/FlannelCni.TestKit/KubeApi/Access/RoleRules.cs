using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Storage;

namespace FlannelCni.TestKit.KubeApi.Access;

/// <summary>What is asked for, as roles name it.</summary>
/// <param name="Resource">With its subresource: <c>nodes/status</c>.</param>
internal readonly record struct Action(string Verb, string Group, string Resource, string Namespace, string Name);

/// <summary>Authorisation by the roles and bindings that are stored; system:masters may do everything.</summary>
internal sealed class RoleRules(KubeStore store)
{
    // system:discovery and system:public-info-viewer, which every cluster has.
    private static readonly string[] s_discovery = ["/api", "/apis", "/openapi"];
    private static readonly string[] s_public = ["/healthz", "/livez", "/readyz", "/version"];

    /// <summary>A path that is no resource's may be read.</summary>
    internal static bool AllowsPath(KubeUser user, string path) =>
        user.Groups.Contains("system:masters")
        || IsUnder(s_public, path)
        || (user.Groups.Contains("system:authenticated") && IsUnder(s_discovery, path));

    internal bool Allows(KubeUser user, Action action) =>
        user.Groups.Contains("system:masters")
        || Bound(user, ResourceTypes.ClusterRoleBindings, "").Any(rule => Allows(rule, action))
        || (action.Namespace.Length > 0
            && Bound(user, ResourceTypes.RoleBindings, action.Namespace).Any(rule => Allows(rule, action)));

    private IEnumerable<JsonObject> Bound(KubeUser user, ResourceType bindings, string @namespace) => store
        .Read(bindings).Objects.Values
        .Where(binding => binding.Namespace == @namespace)
        .Select(static binding => binding.Content())
        .Where(binding => Objects(binding["subjects"]).Any(subject => IsSubject(user, subject, @namespace)))
        .SelectMany(binding => RulesOf(binding["roleRef"] as JsonObject ?? [], @namespace));

    private IEnumerable<JsonObject> RulesOf(JsonObject roleRef, string @namespace)
    {
        bool isRole = roleRef.Text("kind") == "Role";
        string name = roleRef.Text("name") ?? "";
        StoredObject? role = isRole
            ? store.Find(ResourceTypes.Roles, StoredObject.KeyOf(ResourceTypes.Roles, @namespace, name))
            : store.Find(ResourceTypes.ClusterRoles, name);
        return Objects(role?.Content()["rules"]);
    }

    private static bool IsSubject(KubeUser user, JsonObject subject, string @namespace)
    {
        string name = subject.Text("name") ?? "";
        return subject.Text("kind") switch
        {
            "User" => user.Name == name,
            "Group" => user.Groups.Contains(name),
            "ServiceAccount" =>
                user.Name == $"system:serviceaccount:{subject.Text("namespace") ?? @namespace}:{name}",
            _ => false,
        };
    }

    private static bool Allows(JsonObject rule, Action action) =>
        Names(rule, "verbs", action.Verb)
        && Names(rule, "apiGroups", action.Group)
        && (Names(rule, "resources", action.Resource) || IsAnySubresource(rule, action.Resource))
        && (rule["resourceNames"] is not JsonArray { Count: > 0 } names || Has(names, action.Name));

    private static bool IsAnySubresource(JsonObject rule, string resource)
    {
        int slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && rule["resources"] is JsonArray resources && Has(resources, $"*{resource[slash..]}");
    }

    private static bool Names(JsonObject rule, string list, string value) =>
        rule[list] is JsonArray values && (Has(values, "*") || Has(values, value));

    private static bool Has(JsonArray values, string value) => values.Any(item => item?.ToString() == value);

    private static IEnumerable<JsonObject> Objects(JsonNode? list) => (list as JsonArray ?? []).OfType<JsonObject>();

    private static bool IsUnder(string[] roots, string path) => roots.Any(
        root => path == root || path.StartsWith(root + "/", StringComparison.Ordinal));
}

using System.Collections.Immutable;
using FlannelCni.TestKit.KubeApi.Access;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Requests;

/// <summary>What a client asked for, as a test sees it.</summary>
/// <param name="Method">GET, POST, ...</param>
/// <param name="Path">From the first slash, without the query.</param>
public sealed record KubeRequest(string Method, string Path, ImmutableDictionary<string, string> Query)
{
    /// <summary>What roles allow: get, list, watch, create, update, patch, delete or deletecollection.</summary>
    public string Verb { get; private init; } = Method.ToLowerInvariant();

    /// <summary>Null: the path is no resource's, as /version.</summary>
    public ResourceType? Type { get; private init; }

    /// <summary>Empty: of all namespaces, or the kind has none.</summary>
    public string Namespace { get; private init; } = "";

    /// <summary>Empty: of a whole list. A list of one name has that.</summary>
    public string Name { get; private init; } = "";

    /// <summary><c>status</c>; empty: of the object itself.</summary>
    public string Subresource { get; private init; } = "";

    /// <summary>Of the body; empty: there is none.</summary>
    public string ContentType { get; init; } = "";

    public string Accept { get; init; } = "";

    public string UserAgent { get; init; } = "";

    /// <summary>HTTP/1.1 or HTTP/2.</summary>
    public string Protocol { get; init; } = "";

    /// <summary>The body as it came.</summary>
    public ReadOnlyMemory<byte> Body { get; internal set; }

    /// <summary>Null: not known, as credentials were refused or not looked at.</summary>
    public KubeUser? User { get; internal set; }

    /// <summary>Of the answer; 0: none was sent yet.</summary>
    public int Status { get; internal set; }

    /// <summary><c>nodes</c>, <c>nodes/status</c>; empty: the path is no resource's.</summary>
    public string Resource =>
        Type is null ? "" : Subresource.Length == 0 ? Type.Plural : $"{Type.Plural}/{Subresource}";

    public bool IsNodeList => Verb == "list" && Type == ResourceTypes.Nodes;

    public bool IsNodeWatch => Verb == "watch" && Type == ResourceTypes.Nodes;

    public bool IsNodeStatusPatch => Verb == "patch" && Resource == "nodes/status";

    /// <exception cref="ApiStatusException">404: a path of resources that leads to none.</exception>
    internal KubeRequest Resolve()
    {
        string[] parts = Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        (string group, string version, string[] rest) = parts switch
        {
            ["api", string v, .. string[] more] => ("", v, more),
            ["apis", string g, string v, .. string[] more] => (g, v, more),
            _ => ("", "", []),
        };
        if (rest.Length == 0)
        {
            return this;
        }

        string @namespace = "";
        if (rest is ["namespaces", string ns, string plural, ..] && plural is not ("status" or "finalize"))
        {
            (@namespace, rest) = (ns, rest[2..]);
        }

        ResourceType? type = ResourceTypes.Find(group, version, rest[0]);
        if (type is null || rest.Length > 3 || (@namespace.Length > 0 && !type.IsNamespaced))
        {
            throw ApiStatusException.NoSuchPath();
        }

        string name = rest.Length > 1 ? rest[1] : "";
        return this with
        {
            Type = type,
            Namespace = @namespace,
            Name = name.Length > 0 ? name : NameSelected(),
            Subresource = rest.Length > 2 ? rest[2] : "",
            Verb = VerbOf(name.Length == 0),
        };
    }

    public override string ToString() =>
        $"{Method} {Path}?{string.Join('&', Query.Select(static pair => $"{pair.Key}={pair.Value}"))}";

    private string VerbOf(bool isList) => Method switch
    {
        "GET" or "HEAD" when Query.GetValueOrDefault("watch") is "true" or "1" => "watch",
        "GET" or "HEAD" => isList ? "list" : "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => isList ? "deletecollection" : "delete",
        _ => Method.ToLowerInvariant(),
    };

    // A role that names objects lets them be listed and watched by name, too.
    private string NameSelected()
    {
        const string Prefix = "metadata.name=";
        string fields = Query.GetValueOrDefault("fieldSelector", "");
        return fields.StartsWith(Prefix, StringComparison.Ordinal) && !fields.Contains(',', StringComparison.Ordinal)
            ? fields[Prefix.Length..].TrimStart('=')
            : "";
    }
}

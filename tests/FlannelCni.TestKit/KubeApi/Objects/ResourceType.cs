namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>A kind of object that the API serves: one row of <see cref="ResourceTypes"/>.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">As in paths: <c>nodes</c>.</param>
/// <param name="Kind">As in objects: <c>Node</c>.</param>
public sealed record ResourceType(string Group, string Version, string Plural, string Kind, bool IsNamespaced)
{
    /// <summary>What kubectl accepts in place of the plural: <c>no</c>.</summary>
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Changes of the object leave its status alone, and changes of <c>/status</c> all else.</summary>
    public bool HasStatus { get; init; }

    /// <summary>Who creates one can give it a status, as a kubelet does its Node.</summary>
    public bool IsCreatedWithStatus { get; init; }

    /// <summary>Paths that field selectors know besides metadata.name and metadata.namespace.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    public string Singular { get; } = Kind.ToLowerInvariant();

    /// <summary><c>v1</c>, <c>apps/v1</c>.</summary>
    public string ApiVersion { get; } = Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>As messages name it: <c>nodes</c>, <c>daemonsets.apps</c>.</summary>
    public string QualifiedName { get; } = Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public override string ToString() => QualifiedName;
}

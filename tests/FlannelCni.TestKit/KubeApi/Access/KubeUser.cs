namespace FlannelCni.TestKit.KubeApi.Access;

/// <summary>Who asks, as authentication finds it.</summary>
public sealed record KubeUser(string Name, IReadOnlyList<string> Groups)
{
    /// <summary>May do everything.</summary>
    public static KubeUser Admin { get; } = new("kubernetes-admin", ["system:masters", "system:authenticated"]);

    /// <summary>Who shows no credentials.</summary>
    public static KubeUser Anonymous { get; } = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>May do what roles that are bound to it say.</summary>
    public static KubeUser Named(string name, params string[] groups) => new(name, [.. groups, "system:authenticated"]);

    public static KubeUser ServiceAccount(string @namespace, string name) => Named(
        $"system:serviceaccount:{@namespace}:{name}", "system:serviceaccounts", $"system:serviceaccounts:{@namespace}");
}

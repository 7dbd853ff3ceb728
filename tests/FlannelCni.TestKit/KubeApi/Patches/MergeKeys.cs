namespace FlannelCni.TestKit.KubeApi.Patches;

/// <summary>
/// Which lists a strategic merge patch merges, and by which member; all others it replaces. Lists are told apart by
/// the name of what holds them and their own.
/// </summary>
/// <remarks>patchStrategy and patchMergeKey in k8s.io/api's types.go files.</remarks>
internal static class MergeKeys
{
    /// <summary>The list's items are strings, merged as a set.</summary>
    internal const string Set = "";

    private static readonly Dictionary<string, string> s_keys = new(StringComparer.Ordinal)
    {
        ["metadata.finalizers"] = Set,
        ["metadata.ownerReferences"] = "uid",
        ["spec.podCIDRs"] = Set,
        ["status.addresses"] = "type",
        ["status.conditions"] = "type",
        ["status.podIPs"] = "ip",
        ["status.hostIPs"] = "ip",
        ["spec.containers"] = "name",
        ["spec.initContainers"] = "name",
        ["spec.ephemeralContainers"] = "name",
        ["spec.volumes"] = "name",
        ["spec.imagePullSecrets"] = "name",
        ["spec.hostAliases"] = "ip",
        ["spec.topologySpreadConstraints"] = "topologyKey",
        ["spec.ports"] = "port",
        ["containers.ports"] = "containerPort",
        ["containers.env"] = "name",
        ["containers.volumeMounts"] = "mountPath",
        ["containers.volumeDevices"] = "devicePath",
        ["initContainers.ports"] = "containerPort",
        ["initContainers.env"] = "name",
        ["initContainers.volumeMounts"] = "mountPath",
        ["initContainers.volumeDevices"] = "devicePath",
        [".secrets"] = "name",
        [".imagePullSecrets"] = "name",
    };

    /// <summary>Null: the list is replaced whole.</summary>
    /// <param name="holder">The member that holds the list's object; empty at the top.</param>
    internal static string? For(string holder, string list) => s_keys.GetValueOrDefault($"{holder}.{list}");
}

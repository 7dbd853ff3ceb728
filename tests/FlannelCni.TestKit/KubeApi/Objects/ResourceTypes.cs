namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>All that the API serves. A row is enough for a further kind.</summary>
public static class ResourceTypes
{
    private const string Rbac = "rbac.authorization.k8s.io";
    private const string Admission = "admissionregistration.k8s.io";

    public static ResourceType Nodes { get; } = new("", "v1", "nodes", "Node", false)
    {
        ShortNames = ["no"],
        HasStatus = true,
        IsCreatedWithStatus = true,
        Fields = ["spec.unschedulable"],
    };

    public static ResourceType Pods { get; } = new("", "v1", "pods", "Pod", true)
    {
        ShortNames = ["po"],
        HasStatus = true,
        Fields = ["spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"],
    };

    public static ResourceType Namespaces { get; } = new("", "v1", "namespaces", "Namespace", false)
    {
        ShortNames = ["ns"],
        HasStatus = true,
        Fields = ["status.phase"],
    };

    public static ResourceType Events { get; } = new("", "v1", "events", "Event", true)
    {
        ShortNames = ["ev"],
        Fields =
        [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
            "involvedObject.apiVersion", "reason", "type", "source", "reportingComponent",
        ],
    };

    public static ResourceType ServiceAccounts { get; } =
        new("", "v1", "serviceaccounts", "ServiceAccount", true) { ShortNames = ["sa"] };

    public static ResourceType ConfigMaps { get; } =
        new("", "v1", "configmaps", "ConfigMap", true) { ShortNames = ["cm"] };

    public static ResourceType DaemonSets { get; } =
        new("apps", "v1", "daemonsets", "DaemonSet", true) { ShortNames = ["ds"], HasStatus = true };

    public static ResourceType Roles { get; } = new(Rbac, "v1", "roles", "Role", true);

    public static ResourceType RoleBindings { get; } = new(Rbac, "v1", "rolebindings", "RoleBinding", true);

    public static ResourceType ClusterRoles { get; } = new(Rbac, "v1", "clusterroles", "ClusterRole", false);

    public static ResourceType ClusterRoleBindings { get; } =
        new(Rbac, "v1", "clusterrolebindings", "ClusterRoleBinding", false);

    public static IReadOnlyList<ResourceType> All { get; } =
    [
        Nodes, Pods, Namespaces, Events, ServiceAccounts,
        ConfigMaps,
        new("", "v1", "secrets", "Secret", true) { Fields = ["type"] },
        new("", "v1", "services", "Service", true) { ShortNames = ["svc"], HasStatus = true },
        DaemonSets,
        new("apps", "v1", "deployments", "Deployment", true) { ShortNames = ["deploy"], HasStatus = true },
        new("apps", "v1", "controllerrevisions", "ControllerRevision", true),
        new("coordination.k8s.io", "v1", "leases", "Lease", true),
        Roles, RoleBindings, ClusterRoles, ClusterRoleBindings,
        new(Admission, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", false) { HasStatus = true },
        new(Admission, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", false),
    ];

    public static ResourceType? Find(string group, string version, string plural) => All.FirstOrDefault(
        type => type.Group == group && type.Version == version && type.Plural == plural);
}

using System.Collections.Frozen;

namespace FlannelCni.TestKit.KubeApi.Encodings.Protobuf;

/// <summary>How a member of a JSON object is a field of a protobuf message.</summary>
internal enum ProtoKind
{
    Text,
    Bytes,      // base64 in JSON
    Integer,
    Boolean,
    Time,       // RFC 3339 in JSON; seconds = 1, nanos = 2
    Quantity,   // a text in JSON; string = 1
    Message,
}

/// <param name="Message">Of a message: its name.</param>
/// <param name="IsMap">Keys are texts; the rest says what the values are.</param>
internal sealed record ProtoField(
    string Name, int Number, ProtoKind Kind, string Message, bool IsRepeated, bool IsMap);

/// <summary>
/// The messages of the kinds that are served as protobuf: <c>name=number:type</c>, where no type is a text, [] a list
/// and map a map of texts.
/// </summary>
/// <remarks>generated.proto: k8s.io/api/core/v1, k8s.io/api/rbac/v1, k8s.io/apimachinery/pkg/apis/meta/v1.</remarks>
internal static class ProtoSchema
{
    private static readonly FrozenDictionary<string, ProtoField[]> s_messages = new Dictionary<string, string>
    {
        ["Node"] = "metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus",
        ["NodeSpec"] =
            "podCIDR=1 externalID=2 providerID=3 unschedulable=4:bool taints=5:Taint[] podCIDRs=7:[]",
        ["Taint"] = "key=1 value=2 effect=3 timeAdded=4:time",
        ["NodeStatus"] =
            "capacity=1:map:quantity allocatable=2:map:quantity phase=3 conditions=4:NodeCondition[] "
            + "addresses=5:NodeAddress[] daemonEndpoints=6:NodeDaemonEndpoints nodeInfo=7:NodeSystemInfo "
            + "images=8:ContainerImage[] volumesInUse=9:[] volumesAttached=10:AttachedVolume[]",
        ["NodeCondition"] =
            "type=1 status=2 lastHeartbeatTime=3:time lastTransitionTime=4:time reason=5 message=6",
        ["NodeAddress"] = "type=1 address=2",
        ["NodeDaemonEndpoints"] = "kubeletEndpoint=1:DaemonEndpoint",
        ["DaemonEndpoint"] = "Port=1:int",
        ["NodeSystemInfo"] =
            "machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5 containerRuntimeVersion=6 "
            + "kubeletVersion=7 kubeProxyVersion=8 operatingSystem=9 architecture=10",
        ["ContainerImage"] = "names=1:[] sizeBytes=2:int",
        ["AttachedVolume"] = "name=1 devicePath=2",
        ["Namespace"] = "metadata=1:ObjectMeta spec=2:NamespaceSpec status=3:NamespaceStatus",
        ["NamespaceSpec"] = "finalizers=1:[]",
        ["NamespaceStatus"] = "phase=1",
        ["ConfigMap"] = "metadata=1:ObjectMeta data=2:map binaryData=3:map:bytes immutable=4:bool",
        ["ServiceAccount"] =
            "metadata=1:ObjectMeta secrets=2:ObjectReference[] imagePullSecrets=3:LocalObjectReference[] "
            + "automountServiceAccountToken=4:bool",
        ["LocalObjectReference"] = "name=1",
        ["Event"] =
            "metadata=1:ObjectMeta involvedObject=2:ObjectReference reason=3 message=4 source=5:EventSource "
            + "firstTimestamp=6:time lastTimestamp=7:time count=8:int type=9 eventTime=10:time action=12 "
            + "related=13:ObjectReference reportingComponent=14 reportingInstance=15",
        ["ObjectReference"] = "kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7",
        ["EventSource"] = "component=1 host=2",
        ["Role"] = "metadata=1:ObjectMeta rules=2:PolicyRule[]",
        ["ClusterRole"] = "metadata=1:ObjectMeta rules=2:PolicyRule[]",
        ["PolicyRule"] = "verbs=1:[] apiGroups=2:[] resources=3:[] resourceNames=4:[] nonResourceURLs=5:[]",
        ["RoleBinding"] = "metadata=1:ObjectMeta subjects=2:Subject[] roleRef=3:RoleRef",
        ["ClusterRoleBinding"] = "metadata=1:ObjectMeta subjects=2:Subject[] roleRef=3:RoleRef",
        ["Subject"] = "kind=1 apiGroup=2 name=3 namespace=4",
        ["RoleRef"] = "apiGroup=1 kind=2 name=3",
        ["ObjectMeta"] =
            "name=1 generateName=2 namespace=3 uid=5 resourceVersion=6 generation=7:int creationTimestamp=8:time "
            + "deletionTimestamp=9:time deletionGracePeriodSeconds=10:int labels=11:map annotations=12:map "
            + "ownerReferences=13:OwnerReference[] finalizers=14:[]",
        ["OwnerReference"] = "kind=1 name=3 uid=4 apiVersion=5 controller=6:bool blockOwnerDeletion=7:bool",
        ["ListMeta"] = "resourceVersion=2 continue=3 remainingItemCount=4:int",
    }.ToFrozenDictionary(static pair => pair.Key, static pair => Fields(pair.Value));

    internal static bool Knows(string kind) => s_messages.ContainsKey(kind);

    internal static ProtoField[] Message(string name) => s_messages[name];

    private static ProtoField[] Fields(string text) => [.. text.Split(' ').Select(static field =>
    {
        string[] parts = field.Split(':');
        string[] name = parts[0].Split('=');
        bool isMap = parts.Length > 1 && parts[1] == "map";
        string type = parts.Length > (isMap ? 2 : 1) ? parts[^1] : "";
        bool isRepeated = type.EndsWith("[]", StringComparison.Ordinal);
        type = isRepeated ? type[..^2] : type;
        ProtoKind kind = type switch
        {
            "" => ProtoKind.Text,
            "bytes" => ProtoKind.Bytes,
            "int" => ProtoKind.Integer,
            "bool" => ProtoKind.Boolean,
            "time" => ProtoKind.Time,
            "quantity" => ProtoKind.Quantity,
            _ => ProtoKind.Message,
        };
        return new ProtoField(
            name[0], int.Parse(name[1], null), kind, kind == ProtoKind.Message ? type : "", isRepeated, isMap);
    })];
}

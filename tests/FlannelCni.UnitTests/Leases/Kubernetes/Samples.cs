using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>One Node in all its forms.</summary>
internal static class Samples
{
    internal static AnnotationNames Names { get; } = AnnotationNames.Of("flannel.alpha.coreos.com");

    internal static NodeRecord Node { get; } = new()
    {
        Name = "worker-1",
        Uid = "0b9e",
        ResourceVersion = 4711,
        CreatedAt = 1767225600,
        PodCidrs = ["10.244.1.0/24", "fd00:1::/64"],
        InternalIP = IpAddr.Parse("192.0.2.11"),
        InternalIPv6 = IpAddr.Parse("2001:db8::11"),
        Annotations = new NodeAnnotations
        {
            KubeSubnetManager = "true",
            BackendType = "vxlan",
            BackendData = """{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}""",
            PublicIP = "192.0.2.11",
            NodePublicIPv6 = "",
        },
        NetworkUnavailable = new NodeCondition("False", "FlannelIsUp"),
    };

    /// <summary>As kubelets and controllers leave it, with much that we do not want.</summary>
    internal static JsonObject Json() => (JsonObject)JsonNode.Parse(
        """
        {
          "metadata": {
            "name": "worker-1", "uid": "0b9e", "resourceVersion": "4711", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"kubernetes.io/os": "linux", "name": "a trap"},
            "annotations": {
              "volumes.kubernetes.io/controller-managed-attach-detach": "true",
              "flannel.alpha.coreos.com/backend-data": "{\"VNI\":1,\"VtepMAC\":\"c6:d2:32:6f:8f:44\"}",
              "flannel.alpha.coreos.com/backend-type": "vxlan",
              "flannel.alpha.coreos.com/kube-subnet-manager": "true",
              "flannel.alpha.coreos.com/node-public-ipv6": "",
              "flannel.alpha.coreos.com/public-ip": "192.0.2.11",
              "flannel.alpha.coreos.com/public-ip-more": "not ours"
            },
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:annotations": {".": {}}}}}]
          },
          "spec": {
            "podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64"],
            "taints": [{"key": "a", "effect": "NoSchedule"}], "unschedulable": true
          },
          "status": {
            "capacity": {"cpu": "2", "pods": "110"},
            "conditions": [
              {"type": "NetworkUnavailable", "status": "False", "reason": "FlannelIsUp", "message": "runs"},
              {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "posts \"ready\" status"}
            ],
            "addresses": [
              {"type": "ExternalIP", "address": "198.51.100.1"},
              {"type": "InternalIP", "address": "192.0.2.11"},
              {"type": "InternalIP", "address": "192.0.2.99"},
              {"type": "InternalIP", "address": "2001:db8::11"},
              {"type": "Hostname", "address": "worker-1"}
            ],
            "images": [{"names": ["registry.example/a@sha256:00", "b:1"], "sizeBytes": 123456}],
            "nodeInfo": {"kubeletVersion": "v1.34.0"}
          }
        }
        """)!;

    internal static byte[] JsonBytes(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());

    internal static byte[] JsonList(string version, string next, params JsonNode[] nodes) => JsonBytes(new JsonObject
    {
        ["kind"] = "NodeList",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject { ["resourceVersion"] = version, ["continue"] = next },
        ["items"] = new JsonArray(nodes),
    });

    internal static byte[] JsonEvent(string type, JsonObject @object) =>
        [.. JsonBytes(new JsonObject { ["type"] = type, ["object"] = @object }), (byte)'\n'];

    /// <summary>The same Node, as the object of an event or an answer of its own.</summary>
    internal static JsonObject JsonWithKind()
    {
        JsonObject node = Json();
        node["kind"] = "Node";
        node["apiVersion"] = "v1";
        return node;
    }

    /// <summary>The same Node by the field numbers of the API's .proto files.</summary>
    internal static byte[] Protobuf() => Proto.Message(
        Proto.Field(1, Proto.Message(
        [
            Proto.Field(1, "worker-1"),
            Proto.Field(2, ""),
            Proto.Field(3, ""),
            Proto.Field(4, ""),
            Proto.Field(5, "0b9e"),
            Proto.Field(6, "4711"),
            Proto.Number(7, 0),
            Proto.Field(8, Proto.Message(Proto.Number(1, 1767225600), Proto.Number(2, 0))),
            Proto.Field(11, Pair("name", "a trap")),
            .. ((JsonObject)Json()["metadata"]!["annotations"]!).Select(
                static annotation => Proto.Field(12, Pair(annotation.Key, (string)annotation.Value!))),
            Proto.Field(17, Proto.Message(Proto.Field(1, "kubelet"), Proto.Field(7, Proto.Field(1, "{}")))),
        ])),
        Proto.Field(2, Proto.Message(
            Proto.Field(1, "10.244.1.0/24"),
            Proto.Number(4, 1),
            Proto.Field(5, Pair("a", "NoSchedule")),
            Proto.Field(7, "10.244.1.0/24"),
            Proto.Field(7, "fd00:1::/64"))),
        Proto.Field(3, Proto.Message(
            Proto.Field(1, Pair("cpu", "2")),
            Proto.Field(4, Condition("NetworkUnavailable", "False", "FlannelIsUp")),
            Proto.Field(4, Condition("Ready", "True", "KubeletReady")),
            Proto.Field(5, Pair("ExternalIP", "198.51.100.1")),
            Proto.Field(5, Pair("InternalIP", "192.0.2.11")),
            Proto.Field(5, Pair("InternalIP", "192.0.2.99")),
            Proto.Field(5, Pair("InternalIP", "2001:db8::11")),
            Proto.Field(5, Pair("Hostname", "worker-1")),
            Proto.Field(8, Proto.Message(Proto.Field(1, "b:1"), Proto.Number(2, 123456))))));

    private static byte[] Pair(string first, string second) =>
        Proto.Message(Proto.Field(1, first), Proto.Field(2, second));

    private static byte[] Condition(string type, string status, string reason) => Proto.Message(
        Proto.Field(1, type), Proto.Field(2, status), Proto.Field(3, Proto.Number(1, 1767225600)),
        Proto.Field(5, reason), Proto.Field(6, "a message"));
}

using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi;

/// <summary>Nodes as kubelets and the controller manager make them.</summary>
public static class NodeTemplate
{
    /// <summary>A node that is ready, but for its network.</summary>
    /// <param name="podCidrs">Comma-separated; null: not yet assigned.</param>
    /// <param name="internalIP">Comma-separated, of both families.</param>
    public static JsonObject Create(string name, string? podCidrs, string internalIP)
    {
        JsonObject node = (JsonObject)JsonNode.Parse(
            $$"""
            {
              "kind": "Node", "apiVersion": "v1",
              "metadata": {
                "name": "{{name}}",
                "labels": {
                  "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": "{{name}}"
                }
              },
              "spec": {},
              "status": {
                "addresses": [],
                "conditions": [
                  {
                    "type": "NetworkUnavailable", "status": "True", "reason": "NoRouteCreated",
                    "message": "RouteController failed to create a route",
                    "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"
                  },
                  {
                    "type": "Ready", "status": "True", "reason": "KubeletReady",
                    "message": "kubelet is posting ready status",
                    "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"
                  }
                ],
                "nodeInfo": { "kubeletVersion": "v1.34.0", "operatingSystem": "linux", "architecture": "amd64" }
              }
            }
            """)!;
        if (podCidrs is not null)
        {
            AssignPodCidrs(node, podCidrs);
        }

        JsonArray addresses = (JsonArray)node["status"]!["addresses"]!;
        foreach (string address in internalIP.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            addresses.Add((JsonNode)new JsonObject { ["type"] = "InternalIP", ["address"] = address });
        }

        addresses.Add((JsonNode)new JsonObject { ["type"] = "Hostname", ["address"] = name });
        return node;
    }

    /// <summary>As the controller manager does, for <c>Nodes.Update</c>.</summary>
    /// <param name="podCidrs">Comma-separated: <c>10.244.1.0/24,fd00:10:244:1::/64</c>.</param>
    public static void AssignPodCidrs(JsonObject node, string podCidrs)
    {
        string[] each = podCidrs.Split(',');
        node["spec"]!["podCIDR"] = each[0];
        node["spec"]!["podCIDRs"] = new JsonArray([.. each.Select(static cidr => (JsonNode)JsonValue.Create(cidr))]);
    }
}

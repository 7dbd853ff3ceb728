using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Registry;

/// <summary>What is special about the spec of a Node: podCIDR is the first of podCIDRs, and neither changes.</summary>
internal static class NodeRules
{
    /// <summary>Makes podCIDR and podCIDRs say the same.</summary>
    internal static void Complete(JsonObject node)
    {
        if (node["spec"] is not JsonObject spec)
        {
            return;
        }

        if (spec["podCIDRs"] is JsonArray { Count: > 0 } all)
        {
            spec["podCIDR"] = all[0]?.DeepClone();
        }
        else if (spec.Text("podCIDR") is { Length: > 0 } first)
        {
            spec["podCIDRs"] = new JsonArray(first);
        }
    }

    /// <exception cref="ApiStatusException">422: a pod CIDR that is there would change.</exception>
    internal static void Check(JsonObject old, JsonObject node)
    {
        JsonNode? before = old["spec"]?["podCIDRs"];
        if (before is JsonArray { Count: > 0 } && !JsonNode.DeepEquals(before, node["spec"]?["podCIDRs"]))
        {
            throw ApiStatusException.Invalid(
                "Node",
                old.Metadata().Text("name") ?? "",
                "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid");
        }
    }
}

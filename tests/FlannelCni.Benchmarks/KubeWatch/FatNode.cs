using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>Nodes as large as those of a busy cluster: some 18 kB of JSON, most of it images.</summary>
internal static class FatNode
{
    private const int Images = 50;

    internal static string NameOf(int number) => $"node-{number}";

    internal static JsonObject Create(int number)
    {
        JsonObject node = NodeTemplate.Create(
            NameOf(number), $"10.{64 + (number >> 8)}.{number & 255}.0/24", $"10.0.{number >> 8}.{number & 255}");
        JsonObject metadata = (JsonObject)node["metadata"]!;
        metadata["annotations"] = new JsonObject
        {
            ["flannel.alpha.coreos.com/backend-data"] =
                $$"""{"VNI":1,"VtepMAC":"02:00:00:00:{{number >> 8:x2}}:{{number & 255:x2}}"}""",
            ["flannel.alpha.coreos.com/backend-type"] = "vxlan",
            ["flannel.alpha.coreos.com/kube-subnet-manager"] = "true",
            ["flannel.alpha.coreos.com/public-ip"] = $"10.0.{number >> 8}.{number & 255}",
            ["volumes.kubernetes.io/controller-managed-attach-detach"] = "true",
        };
        node["status"]!["images"] = new JsonArray(
            [.. Enumerable.Range(0, Images).Select(image => (JsonNode)Image(number, image))]);
        return node;
    }

    private static JsonObject Image(int node, int image)
    {
        string repository = $"registry.example.com/team-{image % 7}/services/application-{image}";
        string digest = string.Concat(Enumerable.Repeat($"{(node * 31) + image:x8}", 8));
        return new JsonObject
        {
            ["names"] = new JsonArray(
                $"{repository}@sha256:{digest}",
                $"{repository}:v1.{image}.{node % 10}-release",
                $"mirror.example.net/{repository}:v1.{image}.{node % 10}-release"),
            ["sizeBytes"] = 104857600 + image,
        };
    }
}

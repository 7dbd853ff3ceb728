using System.Text.Json.Nodes;

namespace FlannelCni.TestKit;

/// <summary>A node of a <see cref="KubeCluster"/> with vxlan: is it as the API says, and the API as it is?</summary>
internal static class KubeTables
{
    /// <summary>What is not as it has to be; null: nothing.</summary>
    internal static string? Find(KubeCluster cluster, AgentNode node)
    {
        string data = $$"""{"VNI":1,"VtepMAC":"{{node.Mac}}"}""";
        if (cluster.Annotation(node.Number, "backend-data") != data
            || cluster.Annotation(node.Number, "public-ip") != node.Address
            || cluster.Annotation(node.Number, "kube-subnet-manager") != "true")
        {
            return "its annotations are not what it is";
        }

        string? cidr = (string?)cluster.Api.Nodes.Find(KubeCluster.NameOf(node))?["spec"]?["podCIDR"];
        if (cluster.NetworkUnavailable(node.Number) != "False" || node.Subnet != cidr)
        {
            return $"its condition is {cluster.NetworkUnavailable(node.Number)}, its subnet {node.Subnet}, "
                + $"its pod CIDR {cidr}";
        }

        string[] wanted = [.. Wanted(cluster, KubeCluster.NameOf(node)).Order(StringComparer.Ordinal)];
        string[] present = [.. Present(node).Order(StringComparer.Ordinal)];
        return wanted.SequenceEqual(present)
            ? null
            : $"it has\n  {string.Join("\n  ", present)}\nand not\n  {string.Join("\n  ", wanted)}";
    }

    /// <summary>What the Nodes mean for a node's kernel.</summary>
    private static IEnumerable<string> Wanted(KubeCluster cluster, string own)
    {
        foreach (JsonObject peer in cluster.Api.Nodes.All.Where(peer => (string?)peer["metadata"]!["name"] != own))
        {
            string? data = Read(peer, "backend-data");
            if (data is null || peer["spec"]?["podCIDR"] is not JsonValue cidr)
            {
                yield return $"what {peer["metadata"]!["name"]} will be";
                continue;
            }

            string subnet = (string)cidr!;
            string mac = (string)JsonNode.Parse(data)!["VtepMAC"]!;
            yield return $"route {subnet} via {subnet[..^3]}";
            yield return $"neighbour {subnet[..^3]} {mac}";
            yield return $"fdb {mac} {Read(peer, "public-ip")}";
        }
    }

    private static string? Read(JsonObject node, string name) =>
        (string?)node["metadata"]!["annotations"]?[KubeCluster.Prefix + name];

    private static IEnumerable<string> Present(AgentNode node)
    {
        foreach (string[] words in Words("ip -4 route show dev flannel.1").Where(static w => w.Contains("via")))
        {
            yield return $"route {words[0]} via {words[2]}";
        }

        foreach (string[] words in Words("ip -4 neigh show dev flannel.1 nud permanent"))
        {
            yield return $"neighbour {words[0]} {words[2]}";
        }

        foreach (string[] words in Words("bridge fdb show dev flannel.1").Where(static w => w.Contains("dst")))
        {
            yield return $"fdb {words[0]} {words[2]}";
        }

        IEnumerable<string[]> Words(string command) => node.Net.Shell(command)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using FlannelCni.Linux.Net;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>
/// All that may differ between what this plugin makes and what the distribution's plugins make of the same input.
/// </summary>
internal static class DeliberateDifferences
{
    /// <summary>Removes what is meant to differ; the reason beside each.</summary>
    private static readonly (string What, Action<JsonObject> Remove)[] s_deliberate =
    [
        ("IPv6 addresses are usable at once: nodad", static address =>
        {
            address.Remove("nodad");
            address.Remove("tentative");
        }),
        ("how long an address lives depends on when it is looked at", static address =>
        {
            address.Remove("valid_life_time");
            address.Remove("preferred_life_time");
        }),
        ("link-local addresses follow from the MAC", static address =>
        {
            if (address["scope"]?.GetValue<string>() == "link")
            {
                address.Remove("local");
            }
        }),

        ("plugins before 1.6 left the pod without a transmit queue", static link => link.Remove("txqlen")),

        // Ours are set and so left alone by udev; the other's are drawn by the kernel.
        ("MACs are random", static link => link.Remove("address")),
        ("and so are names and indexes", static link =>
        {
            foreach (string key in (string[])["ifindex", "link_index", "link_netnsid", "link_netns"])
            {
                link.Remove(key);
            }

            foreach (string key in (string[])["ifname", "link", "dev", "label"])
            {
                if (link[key]?.GetValue<string>().StartsWith("veth", StringComparison.Ordinal) == true)
                {
                    link[key] = "veth";
                }
            }
        }),
        ("so are both in rules, whose handles count what was made in between", static item =>
        {
            foreach (JsonObject part in PartsOf(item["rule"] ?? item["chain"] ?? item["table"]))
            {
                part.Remove("handle");
                string right = part["right"] is JsonValue value ? value.ToString() : "";
                if (right.StartsWith("veth", StringComparison.Ordinal) || MacAddress.TryParse(right, out _))
                {
                    part["right"] = "random";
                }
            }
        }),
        ("a bridge knows more when it is older", static link =>
        {
            if (link["linkinfo"]?["info_data"] is JsonObject data)
            {
                foreach (string key in data.Select(static pair => pair.Key)
                    .Where(static key => key.Contains("timer", StringComparison.Ordinal)
                        || key.Contains("id", StringComparison.Ordinal)).ToArray())
                {
                    data.Remove(key);
                }
            }

            if (link["linkinfo"]?["info_slave_data"] is JsonObject slave)
            {
                foreach (string key in slave.Select(static pair => pair.Key)
                    .Where(static key => key.Contains("timer", StringComparison.Ordinal)
                        || key.Contains("id", StringComparison.Ordinal)
                        || key is "no" or "port_no").ToArray())
                {
                    slave.Remove(key);
                }
            }
        }),
    ];

    /// <summary>A result without what is random, in the order it was printed.</summary>
    internal static string Neutral(JsonElement result, CniPod pod)
    {
        JsonNode node = JsonNode.Parse(result.GetRawText())!;
        foreach (JsonNode? link in node["interfaces"] as JsonArray ?? [])
        {
            link!["mac"] = "mac";
            string name = link["name"]!.GetValue<string>();
            link["name"] = name.StartsWith("veth", StringComparison.Ordinal) ? "veth" : name;
            if (link["sandbox"] is not null)
            {
                Assert.Equal(pod.Sandbox, link["sandbox"]!.GetValue<string>());
                link["sandbox"] = "sandbox";
            }
        }

        if (node["cniVersion"]!.GetValue<string>().StartsWith('0'))
        {
            return node.ToJsonString();
        }

        // Older libraries printed 1.0.0 in the order of 0.4.0, and an empty dns too.
        if (node["dns"] is JsonObject { Count: 0 })
        {
            ((JsonObject)node).Remove("dns");
        }

        return Sorted(node)!.ToJsonString();
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map
            .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
            .Select(static pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    /// <summary>A listing of ip or bridge, item by item, without what is meant to differ.</summary>
    internal static string Look(CniPod pod, string command)
    {
        string json = pod.Node.Shell(command);
        JsonNode root = JsonNode.Parse(json.Trim().Length == 0 ? "[]" : json)!;
        JsonArray items = root as JsonArray ?? (JsonArray)root["nftables"]!;
        foreach (JsonObject item in items.OfType<JsonObject>())
        {
            Neutralize(item);
        }

        return string.Join('\n', items.Select(static item => item!.ToJsonString()).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<JsonObject> PartsOf(JsonNode? node) => node switch
    {
        JsonObject map => [map, .. map.SelectMany(static pair => PartsOf(pair.Value))],
        JsonArray items => items.SelectMany(PartsOf),
        _ => [],
    };

    private static void Neutralize(JsonObject item)
    {
        foreach (JsonObject address in (item["addr_info"] as JsonArray ?? []).OfType<JsonObject>())
        {
            Neutralize(address);
        }

        foreach ((_, Action<JsonObject> remove) in s_deliberate)
        {
            remove(item);
        }

        // A link-local address in a listing of routes is the MAC's, too.
        if (item["dst"]?.GetValue<string>().StartsWith("fe80:", StringComparison.Ordinal) == true)
        {
            item["dst"] = "fe80::";
        }
    }
}

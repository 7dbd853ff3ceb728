using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>
/// The same rendered configuration given to this plugin and to the bridge plugin of the distribution, each with a host
/// of its own. All that may differ is in <see cref="s_deliberate"/>.
/// </summary>
public sealed class DifferenceTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

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

            foreach (string key in (string[])["ifname", "dev"])
            {
                if (link[key]?.GetValue<string>().StartsWith("veth", StringComparison.Ordinal) == true)
                {
                    link[key] = "veth";
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

    [Theory]
    [InlineData(CniHost.IPv4, "0.3.1", CniHost.UsualDelegate)]
    [InlineData(CniHost.IPv4 + CniHost.IPv6, "0.4.0", CniHost.UsualDelegate)]
    [InlineData(CniHost.IPv6, "1.0.0", CniHost.UsualDelegate)]
    [InlineData(CniHost.IPv4 + CniHost.IPv6, "1.0.0", """{ "isGateway": true }""")]
    [InlineData(CniHost.IPv4, "0.2.0", """{ "isGateway": false, "mtu": 1300 }""")]
    [InlineData(CniHost.IPv4, "0.3.1", """{ "promiscMode": true, "isDefaultGateway": true }""")]
    public async Task The_result_and_the_kernel_are_as_the_distributions_bridge_leaves_them(
        string families, string version, string users)
    {
        using CniHost ours = new(families) { Version = version, Delegate = users };
        using CniHost theirs = new(families) { Version = version, Delegate = users };
        CniPod ourPod = ours.NewPod();
        CniPod theirPod = theirs.NewPod();

        JsonElement ourResult = ours.Add(ourPod).Success();
        theirs.Executable = $"{CniHost.PluginFolder}/bridge";
        string rendered = File.ReadAllText(Path.Combine(ours.DataDir, ourPod.Id))
            .Replace(ours.IpamDir, theirs.IpamDir, StringComparison.Ordinal);
        JsonElement theirResult = theirs.Call("ADD", theirPod, rendered).Success();

        Assert.Equal(Neutral(theirResult, theirPod), Neutral(ourResult, ourPod));
        foreach (string command in (string[])
            [
                "ip -json -details address show", "ip -json -details -4 route show table all",
                "ip -json -details -6 route show table main", "bridge -json link show",
            ])
        {
            await AssertSame(theirPod, ourPod, command);
            await AssertSame(new CniPod(theirs.Node, ""), new CniPod(ours.Node, ""), command);
        }

        foreach (string sysctl in (string[])
            [
                "net/ipv4/conf/eth0/arp_notify", "net/ipv6/conf/eth0/accept_dad",
                "net/ipv6/conf/eth0/disable_ipv6",
            ])
        {
            Assert.Equal(Sysctl(theirPod, sysctl), Sysctl(ourPod, sysctl));
        }

        foreach (string sysctl in (string[])["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"])
        {
            Assert.Equal(theirs.Node.Shell($"cat /proc/sys/{sysctl}"), ours.Node.Shell($"cat /proc/sys/{sysctl}"));
        }
    }

    /// <summary>In the end: the kernel adds link-local addresses and their routes when it gets to it.</summary>
    private static async Task AssertSame(CniPod theirs, CniPod ours, string command)
    {
        long start = Stopwatch.GetTimestamp();
        while (Look(theirs, command) != Look(ours, command) && Stopwatch.GetElapsedTime(start) < s_patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        Assert.Equal(Look(theirs, command), Look(ours, command));
    }

    private static string Sysctl(CniPod pod, string name) => pod.Node.Shell($"cat /proc/sys/{name}");

    /// <summary>The result, without what is random, in the order it was printed.</summary>
    private static string Neutral(JsonElement result, CniPod pod)
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

    private static string Look(CniPod pod, string command)
    {
        string json = pod.Node.Shell(command);
        JsonArray items = (JsonArray)JsonNode.Parse(json.Trim().Length == 0 ? "[]" : json)!;
        foreach (JsonObject item in items.OfType<JsonObject>())
        {
            Neutralize(item);
        }

        return string.Join('\n', items.Select(static item => item!.ToJsonString()).Order(StringComparer.Ordinal));
    }

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

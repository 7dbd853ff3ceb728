using FlannelCni.Plugin.Json;

namespace FlannelCni.Plugin.Spec;

/// <summary>
/// Prints a result in the version of the configuration, key by key as upstream's library does. Written with loops where
/// every ADD comes by: NativeAOT resolves LINQ's generic virtual methods at run time, some 0.1 ms each.
/// </summary>
internal static class ResultPrinter
{
    /// <exception cref="CniException">Internal: 0.1.0 and 0.2.0 cannot say a result without addresses.</exception>
    internal static byte[] Print(CniResult result, string version) => version switch
    {
        "0.1.0" or "0.2.0" => JsonPrinter.Indented(ComposeByFamily(result, version)),
        "0.3.0" or "0.3.1" or "0.4.0" => JsonPrinter.Indented(Compose(result, version, isBefore1: true)),

        // The library's encoder of 1.x goes through a map, which sorts the keys.
        _ => JsonPrinter.Indented(Compose(result, version, isBefore1: false), sortsAll: true),
    };

    /// <summary>In the order of the Go struct, as a configuration passes it on and 0.x prints it.</summary>
    internal static JsonMap Compose(CniRoute route)
    {
        JsonMap map = JsonMap.Struct();
        map.Set("dst", route.Destination.ToString());
        map.SetUnlessEmpty("gw", route.Gateway.ToString());
        SetUnlessZero(map, "mtu", route.Mtu);
        SetUnlessZero(map, "advmss", route.AdvertisedMss);
        SetUnlessZero(map, "priority", route.Priority);
        SetUnlessNull(map, "table", route.Table);
        SetUnlessNull(map, "scope", (int?)route.Scope);
        return map;
    }

    private static JsonMap Compose(CniResult result, string version, bool isBefore1)
    {
        JsonMap map = JsonMap.Struct();
        map.Set("cniVersion", version);
        List<JsonValue> interfaces = [];
        foreach (CniInterface link in result.Interfaces)
        {
            interfaces.Add(Compose(link, isBefore1));
        }

        List<JsonValue> ips = [];
        foreach (CniIp ip in result.Ips)
        {
            ips.Add(Compose(ip, isBefore1));
        }

        map.SetUnlessEmpty("interfaces", interfaces);
        map.SetUnlessEmpty("ips", ips);
        map.SetUnlessEmpty("routes", Compose(result.Routes));
        if (isBefore1 || !result.Dns.IsEmpty)
        {
            map.Set("dns", Compose(result.Dns));
        }

        return map;
    }

    private static JsonMap Compose(CniInterface link, bool isBefore1)
    {
        JsonMap map = JsonMap.Struct();
        map.Set("name", link.Name);
        map.SetUnlessEmpty("mac", link.Mac);
        map.SetUnlessEmpty("sandbox", link.Sandbox);
        if (!isBefore1)
        {
            SetUnlessZero(map, "mtu", link.Mtu);
            map.SetUnlessEmpty("socketPath", link.SocketPath);
            map.SetUnlessEmpty("pciID", link.PciId);
        }

        return map;
    }

    private static JsonMap Compose(CniIp ip, bool isBefore1)
    {
        JsonMap map = JsonMap.Struct();
        if (isBefore1)
        {
            map.Set("version", ip.Address.Is4 ? "4" : "6");
        }

        SetUnlessNull(map, "interface", ip.Interface);
        map.Set("address", ip.Address.ToString());
        map.SetUnlessEmpty("gateway", ip.Gateway.ToString());
        return map;
    }

    private static JsonMap Compose(CniDns dns)
    {
        JsonMap map = JsonMap.Struct();
        map.SetUnlessEmpty("nameservers", Compose(dns.Nameservers));
        map.SetUnlessEmpty("domain", dns.Domain);
        map.SetUnlessEmpty("search", Compose(dns.Search));
        map.SetUnlessEmpty("options", Compose(dns.Options));
        return map;
    }

    private static List<JsonValue> Compose(IReadOnlyList<CniRoute> routes)
    {
        List<JsonValue> items = [];
        foreach (CniRoute route in routes)
        {
            items.Add(Compose(route));
        }

        return items;
    }

    private static List<JsonValue> Compose(IReadOnlyList<string> texts)
    {
        List<JsonValue> items = [];
        foreach (string text in texts)
        {
            items.Add(text);
        }

        return items;
    }

    /// <summary>0.1.0 and 0.2.0: the first address of each family; interfaces cannot be said.</summary>
    private static JsonMap ComposeByFamily(CniResult result, string version)
    {
        if (result.Ips.Count == 0)
        {
            throw new CniException(CniErrorCode.Internal, "cannot convert: no valid IP addresses");
        }

        JsonMap map = JsonMap.Struct();
        map.Set("cniVersion", version);
        foreach (bool is6 in (bool[])[false, true])
        {
            if (result.Ips.FirstOrDefault(ip => ip.Address.Is6 == is6) is CniIp first)
            {
                JsonMap family = JsonMap.Struct();
                family.Set("ip", first.Address.ToString());
                family.SetUnlessEmpty("gateway", first.Gateway.ToString());
                family.SetUnlessEmpty("routes", Compose([.. result.Routes
                    .Where(route => route.Destination.Is6 == is6)
                    .Select(static route => new CniRoute(route.Destination, route.Gateway))]));
                map.Set(is6 ? "ip6" : "ip4", family);
            }
        }

        map.Set("dns", Compose(result.Dns));
        return map;
    }

    private static void SetUnlessZero(JsonMap map, string key, int value)
    {
        if (value != 0)
        {
            map.Set(key, value);
        }
    }

    private static void SetUnlessNull(JsonMap map, string key, int? value)
    {
        if (value is int number)
        {
            map.Set(key, number);
        }
    }
}

using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Json;

namespace FlannelCni.Plugin.Spec;

/// <summary>Reads a result that another plugin printed, of any version.</summary>
internal static class ResultReader
{
    /// <param name="output">The plugin's standard output; a literal null is an empty result.</param>
    /// <param name="defaultVersion">Of a result that names none.</param>
    /// <param name="version">That of the result.</param>
    /// <exception cref="JsonException">Not a result.</exception>
    internal static CniResult Read(ReadOnlySpan<byte> output, string defaultVersion, out string version)
    {
        JsonValue document = JsonParser.Parse(output);
        version = CniVersion.OrOldest(defaultVersion);
        if (document.Kind == JsonKind.Null)
        {
            return new CniResult();
        }

        JsonMap map = document.Map ?? throw new JsonException("the result is no object");
        if (map.Text("cniVersion") is { Length: > 0 } own)
        {
            version = own;
        }

        return CniVersion.Supported.Contains(version)
            ? Read(map, version)
            : throw new JsonException($"unsupported CNI result version \"{version}\"");
    }

    /// <summary>What a runtime remembers of an ADD: of the shape that the configuration's version has.</summary>
    /// <exception cref="JsonException">Not a result, or one of a version with another shape.</exception>
    internal static CniResult ReadPrevious(JsonMap map, string configVersion)
    {
        IReadOnlyList<string> alike = CniVersion.OfSameShape(configVersion);
        string own = map.Text("cniVersion");
        return own.Length == 0 || alike.Contains(own)
            ? Read(map, configVersion)
            : throw new JsonException(
                $"result type supports [{string.Join(' ', alike)}] but unmarshalled CNIVersion is \"{own}\"");
    }

    private static CniResult Read(JsonMap map, string version) =>
        version is "0.1.0" or "0.2.0" ? ReadByFamily(map) : new CniResult
        {
            Interfaces = ReadInterfaces(map),
            Ips = ReadIps(map),
            Routes = ReadRoutes(map),
            Dns = ReadDns(map),
        };

    /// <summary>The list <c>routes</c> of a result or of an <c>ipam</c> section.</summary>
    /// <exception cref="JsonException">A destination is missing or is none.</exception>
    internal static List<CniRoute> ReadRoutes(JsonMap map)
    {
        List<CniRoute> routes = [];
        foreach (JsonMap route in map.Objects("routes"))
        {
            routes.Add(new CniRoute(Prefix(route, "dst"), Address(route, "gw"))
            {
                Mtu = route.Integer("mtu") ?? 0,
                AdvertisedMss = route.Integer("advmss") ?? 0,
                Priority = route.Integer("priority") ?? 0,
                Table = route.Integer("table"),
                Scope = ReadScope(route),
            });
        }

        return routes;
    }

    private static RouteScope? ReadScope(JsonMap route) => route.Integer("scope") switch
    {
        null => null,
        >= 0 and <= 255 and int scope => (RouteScope)scope,
        int other => throw new JsonException($"\"scope\" is {GoNumber.Format(other)}, 0 to 255 is expected"),
    };

    internal static CniDns ReadDns(JsonMap map) => map.Object("dns") is not JsonMap dns ? new CniDns() : new CniDns
    {
        Nameservers = dns.Texts("nameservers"),
        Domain = dns.Text("domain"),
        Search = dns.Texts("search"),
        Options = dns.Texts("options"),
    };

    /// <summary>0.1.0 and 0.2.0: one address per family, its routes with it.</summary>
    private static CniResult ReadByFamily(JsonMap map)
    {
        List<CniIp> ips = [];
        List<CniRoute> routes = [];
        foreach (string key in (string[])["ip4", "ip6"])
        {
            if (map.Object(key) is JsonMap family)
            {
                ips.Add(new CniIp(Prefix(family, "ip"), Address(family, "gateway"), Interface: null));
                routes.AddRange(ReadRoutes(family));
            }
        }

        return new CniResult { Ips = ips, Routes = routes, Dns = ReadDns(map) };
    }

    private static List<CniInterface> ReadInterfaces(JsonMap map)
    {
        List<CniInterface> interfaces = [];
        foreach (JsonMap link in map.Objects("interfaces"))
        {
            interfaces.Add(new CniInterface(link.Text("name"), link.Text("mac"), link.Text("sandbox"))
            {
                Mtu = link.Integer("mtu") ?? 0,
                SocketPath = link.Text("socketPath"),
                PciId = link.Text("pciID"),
            });
        }

        return interfaces;
    }

    private static List<CniIp> ReadIps(JsonMap map)
    {
        List<CniIp> ips = [];
        foreach (JsonMap ip in map.Objects("ips"))
        {
            ips.Add(new CniIp(Prefix(ip, "address"), Address(ip, "gateway"), ip.Integer("interface")));
        }

        return ips;
    }

    private static IpPrefix Prefix(JsonMap map, string field) =>
        IpPrefix.TryParse(map.Text(field), out IpPrefix prefix)
            ? prefix
            : throw new JsonException($"invalid CIDR address: {map.Text(field)}");

    private static IpAddr Address(JsonMap map, string field)
    {
        string text = map.Text(field);
        return text.Length == 0 ? default
            : IpAddr.TryParse(text, out IpAddr address) ? address
            : throw new JsonException($"invalid IP address: {text}");
    }
}

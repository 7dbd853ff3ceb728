using System.Text.Json;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>
/// Reads net-conf.json as Go's <c>encoding/json</c> does: names in any case, of a name given twice the last counts,
/// unknown names and nulls are ignored.
/// </summary>
internal static class NetworkConfigReader
{
    // What upstream does, though its documentation says vxlan: an existing config must not change its meaning.
    private const string DefaultBackendType = "udp";

    /// <exception cref="FormatException">
    /// The message names the field, its value, what is wrong and what to do.
    /// </exception>
    internal static NetworkConfig Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new FormatException($"net-conf.json is no JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // What JsonElement says of "\ud800": half a surrogate pair.
            throw new FormatException($"net-conf.json holds a string that is no Unicode text: {e.Message}", e);
        }
    }

    private static NetworkConfig Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException(
                $"net-conf.json is a JSON {Kind(root)}: give an object, as {{\"Network\": \"10.244.0.0/16\"}}");
        }

        ConfigFields fields = new();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            fields.Read(property);
        }

        bool enableIPv4 = fields.EnableIPv4 ?? true;
        bool enableIPv6 = fields.EnableIPv6 ?? false;
        if (!enableIPv4 && !enableIPv6)
        {
            throw new FormatException("EnableIPv4 and EnableIPv6 are both false: set one of them to true");
        }

        return new NetworkConfig(
            enableIPv4 ? Required(fields.Network, "Network", "EnableIPv4", "10.244.0.0/16") : default,
            enableIPv6 ? RequiredIPv6(fields.IPv6Network) : default,
            fields.EnableNFTables ?? false,
            BackendType(fields.Backend),
            fields.Backend.ValueKind == JsonValueKind.Undefined ? default : fields.Backend.Clone())
        {
            Subnets = fields.Subnets,
            IPv6Subnets = fields.IPv6Subnets,
        };
    }

    // 0.0.0.0/0 and ::/0 count as missing: all of the Internet is no pod network.
    private static IpPrefix Required(IpPrefix network, string field, string switchedBy, string example) =>
        network.IsNone || network.IsDefault
            ? throw new FormatException(
                $"{field} is missing, while {switchedBy} is true: "
                + $"give it a value as \"{example}\", or set {switchedBy} to false")
            : network;

    private static IpPrefix RequiredIPv6(IpPrefix network) =>
        Required(network, "IPv6Network", "EnableIPv6", "fd00:10:244::/56") is { Is6: true } ipv6
            ? ipv6
            : throw new FormatException(
                $"IPv6Network \"{network}\" is IPv4: give an IPv6 range as \"fd00:10:244::/56\"");

    private static string BackendType(JsonElement backend)
    {
        if (backend.ValueKind == JsonValueKind.Undefined)
        {
            return DefaultBackendType;
        }

        string? type = null;
        foreach (JsonProperty property in backend.EnumerateObject())
        {
            if (property.Name.Equals("Type", StringComparison.OrdinalIgnoreCase))
            {
                type = property.Value.ValueKind == JsonValueKind.String
                    ? property.Value.GetString()
                    : throw new FormatException(
                        $"Backend.Type is a {Kind(property.Value)}: give a string, as \"vxlan\"");
            }
        }

        return string.IsNullOrEmpty(type)
            ? throw new FormatException("Backend has no Type: name one, as {\"Backend\": {\"Type\": \"vxlan\"}}")
            : type.ToLowerInvariant();
    }

    internal static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind kind => kind.ToString().ToLowerInvariant(),
    };
}

using System.Text.Json;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>
/// The fields of net-conf.json while it is being read: each of the right kind, none compared with another.
/// </summary>
internal sealed class ConfigFields
{
    internal IpPrefix Network { get; private set; }

    internal IpPrefix IPv6Network { get; private set; }

    internal bool? EnableIPv4 { get; private set; }

    internal bool? EnableIPv6 { get; private set; }

    internal bool? EnableNFTables { get; private set; }

    internal SubnetSettings Subnets { get; private set; }

    internal SubnetSettings IPv6Subnets { get; private set; }

    internal JsonElement Backend { get; private set; }

    /// <exception cref="FormatException">The field is known and its value is of the wrong kind.</exception>
    internal void Read(JsonProperty property)
    {
        JsonElement value = property.Value;
        switch (property.Name.ToUpperInvariant())
        {
            case "BACKEND":
                // Here null is no absence: a backend was named, and then not which.
                Backend = value.ValueKind == JsonValueKind.Object ? value : throw Wrong("Backend", value, "an object");
                break;
            case var _ when value.ValueKind == JsonValueKind.Null:
                break;
            case "NETWORK":
                Network = Prefix("Network", value) is { Is4: true } ipv4
                    ? ipv4
                    : throw Wrong("Network", value, "an IPv4 range, and the IPv6 one as IPv6Network");
                break;
            case "IPV6NETWORK":
                IPv6Network = Prefix("IPv6Network", value);
                break;
            case "ENABLEIPV4":
                EnableIPv4 = Boolean("EnableIPv4", value);
                break;
            case "ENABLEIPV6":
                EnableIPv6 = Boolean("EnableIPv6", value);
                break;
            case "ENABLENFTABLES":
                EnableNFTables = Boolean("EnableNFTables", value);
                break;
            case "SUBNETLEN":
                Subnets = Subnets with { Length = Number("SubnetLen", value) };
                break;
            case "SUBNETMIN":
                Subnets = Subnets with { Min = Address("SubnetMin", value, isIPv6: false) };
                break;
            case "SUBNETMAX":
                Subnets = Subnets with { Max = Address("SubnetMax", value, isIPv6: false) };
                break;
            case "IPV6SUBNETLEN":
                IPv6Subnets = IPv6Subnets with { Length = Number("IPv6SubnetLen", value) };
                break;
            case "IPV6SUBNETMIN":
                IPv6Subnets = IPv6Subnets with { Min = Address("IPv6SubnetMin", value, isIPv6: true) };
                break;
            case "IPV6SUBNETMAX":
                IPv6Subnets = IPv6Subnets with { Max = Address("IPv6SubnetMax", value, isIPv6: true) };
                break;
        }
    }

    private static bool Boolean(string field, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Wrong(field, value, "true or false, without quotes");

    private static uint Number(string field, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetUInt32(out uint number)
            ? number
            : throw Wrong(field, value, "a prefix length as 24, without quotes");

    private static IpPrefix Prefix(string field, JsonElement value) =>
        value.ValueKind == JsonValueKind.String && IpPrefix.TryParse(value.GetString(), out IpPrefix prefix)
            ? prefix.Masked
            : throw Wrong(field, value, "a range in CIDR form, as \"10.244.0.0/16\" or \"fd00:10:244::/56\"");

    private static IpAddr Address(string field, JsonElement value, bool isIPv6) =>
        value.ValueKind == JsonValueKind.String
        && IpAddr.TryParse(value.GetString(), out IpAddr address) && address.Is6 == isIPv6
            ? address
            : throw Wrong(field, value, isIPv6 ? "an IPv6 address" : "an IPv4 address");

    private static FormatException Wrong(string field, JsonElement value, string wanted) =>
        new($"{field} is {value.GetRawText()}: give {wanted}");
}

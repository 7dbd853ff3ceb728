using System.Text.Json;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>The <c>Backend</c> object of net-conf.json for type vxlan.</summary>
/// <param name="Vni">1..2^24-1.</param>
/// <param name="Port">UDP destination port; 0: the kernel's default, 8472.</param>
/// <param name="Mtu">Of the outer packets; 0: the external interface's.</param>
/// <param name="Gbp">Group-based policy extension.</param>
/// <param name="Learning">Learn peers' addresses from traffic.</param>
internal sealed record VxlanConfig(uint Vni, ushort Port, uint Mtu, bool Gbp, bool Learning)
{
    private const uint MaxVni = (1 << 24) - 1;
    private const uint MinMtu = 150;    // more than a tunnel's headers and the least packet of IPv4

    /// <summary>Peers on the external interface's own link are reached without a tunnel.</summary>
    public bool DirectRouting { get; init; }

    /// <summary>
    /// Are checksums inside the tunnel left to the hardware? Some hardware gets them wrong. Null: as the kernel has it.
    /// </summary>
    public bool? TxChecksumOffload { get; init; }

    /// <summary>Reads it: names in any case, unknown ones ignored, the last of duplicates wins.</summary>
    /// <exception cref="FormatException">Names the field, its value and what it may be.</exception>
    public static VxlanConfig Parse(JsonElement backend)
    {
        VxlanConfig config = new(Vni: 1, Port: 0, Mtu: 0, Gbp: false, Learning: false);
        if (backend.ValueKind != JsonValueKind.Object)
        {
            return config;
        }

        foreach (JsonProperty property in backend.EnumerateObject())
        {
            config = property.Name.ToUpperInvariant() switch
            {
                "VNI" => config with { Vni = ReadNumber(property, 1, MaxVni) },
                "PORT" => config with { Port = (ushort)ReadNumber(property, 0, ushort.MaxValue) },
                "MTU" => config with { Mtu = ReadMtu(property) },
                "GBP" => config with { Gbp = ReadBool(property) },
                "LEARNING" => config with { Learning = ReadBool(property) },
                "DIRECTROUTING" => config with { DirectRouting = ReadBool(property) },
                "TXCHECKSUMOFFLOAD" => config with { TxChecksumOffload = ReadSwitch(property) },
                _ => config,
            };
        }

        return config;
    }

    private static uint ReadNumber(JsonProperty property, uint min, uint max) =>
        property.Value.ValueKind == JsonValueKind.Number
        && property.Value.TryGetUInt32(out uint value) && value >= min && value <= max
            ? value
            : throw Refuse(property, $"must be a number from {min} to {max}");

    private static uint ReadMtu(JsonProperty property) =>
        ReadNumber(property, 0, ushort.MaxValue) is var mtu && mtu is 0 or >= MinMtu
            ? mtu
            : throw Refuse(property, $"must be 0, for the external interface's, or from {MinMtu} to {ushort.MaxValue}");

    private static bool ReadBool(JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Refuse(property, "must be true or false"),
    };

    private static bool ReadSwitch(JsonProperty property) => property.Value switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.String } value when value.ValueEquals("on"u8) => true,
        { ValueKind: JsonValueKind.String } value when value.ValueEquals("off"u8) => false,
        _ => throw Refuse(property, "must be \"on\" or \"off\""),
    };

    private static FormatException Refuse(JsonProperty property, string rule) =>
        new($"Backend.{property.Name}: {property.Value.GetRawText()} {rule}");
}

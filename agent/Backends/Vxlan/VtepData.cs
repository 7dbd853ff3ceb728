using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>BackendData of a vxlan lease: <c>{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}</c>.</summary>
/// <param name="Vni">Its low 16 bits, as upstream's field holds no more; 0: old agents do not say it.</param>
internal readonly record struct VtepData(ushort Vni, MacAddress Mac)
{
    /// <summary>As upstream writes it, to the byte.</summary>
    public string ToJson() => $"{{\"VNI\":{Vni},\"VtepMAC\":\"{Mac}\"}}";

    /// <summary>Reads what another node published.</summary>
    /// <param name="reason">What is wrong with it.</param>
    public static bool TryRead(string? json, out VtepData data, [NotNullWhen(false)] out string? reason)
    {
        data = default;
        if (json is null)
        {
            reason = "no backend data";
            return false;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return TryRead(document.RootElement, out data, out reason);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // The latter two are what the reader says of half a surrogate pair, escaped or not.
            reason = $"backend data is no JSON: {LogText.Of(json)}";
            return false;
        }
    }

    private static bool TryRead(JsonElement root, out VtepData data, [NotNullWhen(false)] out string? reason)
    {
        data = default;
        if (root.ValueKind != JsonValueKind.Object)
        {
            reason = $"backend data is no object: {LogText.Of(root.GetRawText())}";
            return false;
        }

        uint vni = 0;
        MacAddress mac = default;
        foreach (JsonProperty property in root.EnumerateObject())
        {
            JsonElement value = property.Value;
            bool isRead = UpperNameOf(property) switch
            {
                "VNI" => value.ValueKind == JsonValueKind.Number && value.TryGetUInt32(out vni),
                "VTEPMAC" => value.ValueKind == JsonValueKind.String && MacAddress.TryParse(value.GetString(), out mac),
                _ => true,
            };
            if (!isRead)
            {
                reason = $"backend data has {LogText.Of(property.Name)} {LogText.Of(value.GetRawText())}";
                return false;
            }
        }

        data = new VtepData(unchecked((ushort)vni), mac);
        reason = mac.IsUnicast ? null : $"VtepMAC {mac} is no unicast address";
        return mac.IsUnicast;
    }

    // As every agent writes them, of thousands of leases, without a string.
    private static string UpperNameOf(JsonProperty property) =>
        property.NameEquals("VNI"u8) ? "VNI"
        : property.NameEquals("VtepMAC"u8) ? "VTEPMAC"
        : property.Name.ToUpperInvariant();
}

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// A lease's value, byte for byte what upstream writes:
/// <c>{"PublicIP":"1.2.3.4","PublicIPv6":null,"BackendType":"vxlan","BackendData":{…},"BackendV6Data":{…}}</c>.
/// </summary>
internal static class LeaseValue
{
    // Bytes. A lease has some hundred; the extension backend's scripts may say what they like, within reason.
    private const int MaxLength = 64 << 10;

    // Of it in a message.
    private const int MaxQuoted = 100;

    private static readonly JsonWriterOptions s_options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static byte[] Write(LeaseAttributes attributes)
    {
        ArrayBufferWriter<byte> bytes = new(256);
        using Utf8JsonWriter json = new(bytes, s_options);
        json.WriteStartObject();
        json.WriteString("PublicIP"u8, (attributes.PublicIP.IsNone ? IpAddr.Any4 : attributes.PublicIP).ToString());
        if (attributes.PublicIPv6.IsNone)
        {
            json.WriteNull("PublicIPv6"u8);
        }
        else
        {
            json.WriteString("PublicIPv6"u8, attributes.PublicIPv6.ToString());
        }

        if (attributes.BackendType.Length > 0)
        {
            json.WriteString("BackendType"u8, attributes.BackendType);
        }

        WriteRaw(json, "BackendData", attributes.BackendData);
        WriteRaw(json, "BackendV6Data", attributes.BackendV6Data);
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The same, but of a value that is too long only as much as shows that it is.</summary>
    internal static KeyValue Cut(KeyValue kv) =>
        kv.Value.Length > MaxLength ? kv with { Value = kv.Value[..(MaxLength + 1)] } : kv;

    /// <summary>Reads any form that Go would: names in any case and order, fields missing or unknown.</summary>
    /// <exception cref="FormatException">No JSON, or no address in it, or too long.</exception>
    internal static LeaseAttributes Read(byte[] value)
    {
        if (value.Length > MaxLength)
        {
            throw new FormatException($"it is longer than {MaxLength} bytes, which no lease is");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(value);
            LeaseAttributes attributes = Read(document.RootElement);
            return attributes.PublicIP.IsNone && attributes.PublicIPv6.IsNone
                ? throw new FormatException("it has neither PublicIP nor PublicIPv6")
                : attributes;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: no object, or a string that is none or no Unicode.
            throw new FormatException($"it is not the JSON of a lease: {e.Message}", e);
        }
    }

    private static LeaseAttributes Read(JsonElement root)
    {
        LeaseAttributes attributes = new(default, default, "", null, null);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            JsonElement value = property.Value;
            attributes = value.ValueKind == JsonValueKind.Null ? attributes : property.Name.ToUpperInvariant() switch
            {
                "PUBLICIP" => attributes with { PublicIP = Address(value, isIPv6: false) },
                "PUBLICIPV6" => attributes with { PublicIPv6 = Address(value, isIPv6: true) },
                "BACKENDTYPE" => attributes with { BackendType = value.GetString() ?? "" },
                "BACKENDDATA" => attributes with { BackendData = value.GetRawText() },
                "BACKENDV6DATA" => attributes with { BackendV6Data = value.GetRawText() },
                _ => attributes,
            };
        }

        return attributes;
    }

    // 0.0.0.0 is what an IPv6-only node publishes: the field is never left out.
    private static IpAddr Address(JsonElement value, bool isIPv6) =>
        IpAddr.TryParse(value.GetString(), out IpAddr address) && address.Is6 == isIPv6
            ? address.IsUnspecified ? default : address
            : throw new FormatException($"{Quote(value.GetRawText())} is no {(isIPv6 ? "IPv6" : "IPv4")} address");

    private static string Quote(string text) => text.Length > MaxQuoted ? text[..MaxQuoted] + "…" : text;

    private static void WriteRaw(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(value);
        }
    }
}

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>BackendData of a vxlan lease: <c>{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}</c>.</summary>
/// <param name="Vni">Its low 16 bits, as upstream's field holds no more; 0: old agents do not say it.</param>
internal readonly record struct VtepData(ushort Vni, MacAddress Mac)
{
    private const int MaxUsual = 100;    // characters; upstream's has some 40
    private const int MaxMac = 32;
    private const string VniName = "VNI";
    private const string MacName = "VtepMAC";

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

        // Of thousands of leases at the start: as every agent writes it, nothing is allocated.
        Span<byte> buffer = json.Length <= MaxUsual ? stackalloc byte[MaxUsual * 3] : new byte[json.Length * 3];
        try
        {
            if (Utf8.FromUtf16(json, buffer, out _, out int length) == OperationStatus.Done)
            {
                return TryRead(buffer[..length], out data, out reason);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is what the reader says of half a surrogate pair, escaped. One that is not ends here too.
        }

        reason = $"backend data is no JSON: {LogText.Of(json)}";
        return false;
    }

    private static bool TryRead(ReadOnlySpan<byte> json, out VtepData data, [NotNullWhen(false)] out string? reason)
    {
        data = default;
        uint vni = 0;
        MacAddress mac = default;
        Utf8JsonReader reader = new(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            reader.Read();    // there is no more, or it throws
            reason = $"backend data is no object: {LogText.Of(Encoding.UTF8.GetString(json))}";
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = NameOf(reader);
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            bool isRead =
                name.Equals(VniName, StringComparison.OrdinalIgnoreCase)
                    ? reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out vni)
                : !name.Equals(MacName, StringComparison.OrdinalIgnoreCase)
                    || (reader.TokenType == JsonTokenType.String && TryReadMac(reader, out mac));
            reader.Skip();
            if (!isRead)
            {
                string value = Encoding.UTF8.GetString(json[start..(int)reader.BytesConsumed]);
                reason = $"backend data has {LogText.Of(name)} {LogText.Of(value)}";
                return false;
            }
        }

        reader.Read();    // there is no more, or it throws
        data = new VtepData(unchecked((ushort)vni), mac);
        reason = mac.IsUnicast ? null : $"VtepMAC {mac} is no unicast address";
        return mac.IsUnicast;
    }

    // In any case, as upstream reads them; as it writes them, without a new string.
    private static string NameOf(in Utf8JsonReader property) =>
        property.ValueTextEquals(VniName) ? VniName
        : property.ValueTextEquals(MacName) ? MacName
        : property.GetString() ?? "";

    private static bool TryReadMac(in Utf8JsonReader value, out MacAddress mac)
    {
        Span<char> text = stackalloc char[MaxMac];
        mac = default;
        return value.ValueSpan.Length <= MaxMac && MacAddress.TryParse(text[..value.CopyString(text)], out mac);
    }
}

using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FlannelCni.Agent.Installation;

/// <summary>A network configuration list (CNI's SPEC.md, section 1), as far as installing it needs.</summary>
/// <param name="Name">Of the network.</param>
/// <param name="CniVersion">What the list says; "0.1.0" where it says nothing.</param>
/// <param name="CniVersions">What the list says; null: nothing.</param>
/// <param name="Plugins">Every executable that an ADD starts, each once, in that order.</param>
internal sealed record NetworkList(
    string Name, string CniVersion, ImmutableArray<string>? CniVersions, ImmutableArray<string> Plugins)
{
    private static readonly JsonDocumentOptions s_reading = new() { MaxDepth = 32 };

    private static readonly JsonWriterOptions s_writing = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,    // it is no HTML
    };

    /// <summary>Pure.</summary>
    /// <exception cref="FormatException">What is wrong with it.</exception>
    internal static NetworkList Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content, s_reading);
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new FormatException($"it is no JSON: {e.Message}", e);
        }
    }

    /// <summary>The same list with other versions; everything else as it was. Pure.</summary>
    /// <param name="content">What was given to <see cref="Read(ReadOnlyMemory{byte})"/>.</param>
    internal static byte[] WithVersions(ReadOnlyMemory<byte> content, string version, ImmutableArray<string> versions)
    {
        using JsonDocument document = JsonDocument.Parse(content, s_reading);
        using MemoryStream output = new();
        using (Utf8JsonWriter writer = new(output, s_writing))
        {
            writer.WriteStartObject();
            bool hasVersion = document.RootElement.TryGetProperty("cniVersion", out _);
            if (!hasVersion)
            {
                WriteVersions(writer, version, versions);
            }

            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.NameEquals("cniVersion"))
                {
                    WriteVersions(writer, version, versions);
                }
                else if (!property.NameEquals("cniVersions"))
                {
                    property.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
        return output.ToArray();
    }

    private static void WriteVersions(Utf8JsonWriter writer, string version, ImmutableArray<string> versions)
    {
        writer.WriteString("cniVersion", version);
        writer.WriteStartArray("cniVersions");
        foreach (string item in versions)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }

    private static NetworkList Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is no JSON object");
        }

        if (!root.TryGetProperty("plugins", out JsonElement plugins)
            || plugins.ValueKind != JsonValueKind.Array
            || plugins.GetArrayLength() == 0)
        {
            throw new FormatException("\"plugins\" is no list of plugins");
        }

        List<string> types = [];
        foreach (JsonElement plugin in plugins.EnumerateArray())
        {
            string type = Text(plugin, "type")
                ?? throw new FormatException($"plugin {types.Count + 1} of \"plugins\" has no \"type\"");
            types.Add(type);
            types.AddRange(StartedBy(type, plugin));
        }

        if (types.FirstOrDefault(static type => type.Length == 0 || type.Contains('/')) is { } wrong)
        {
            throw new FormatException($"\"{wrong}\" is no plugin's name");
        }

        return new NetworkList(
            Text(root, "name") is { Length: > 0 } name ? name : throw new FormatException("it has no \"name\""),
            Text(root, "cniVersion") is { Length: > 0 } version ? version : "0.1.0",
            Versions(root),
            [.. types.Distinct()]);
    }

    /// <summary>
    /// Plugins that a plugin starts itself, under the version that it is called with. flannel makes a bridge without
    /// starting one.
    /// </summary>
    private static IEnumerable<string> StartedBy(string type, JsonElement plugin)
    {
        JsonElement? ipam = Object(plugin, "ipam");
        if (type == "flannel")
        {
            string? work = Object(plugin, "delegate") is { } delegated ? Text(delegated, "type") : null;
            string addresses = (ipam is { } users ? Text(users, "type") : null) ?? "host-local";
            return work is null or "bridge" ? [addresses] : [work, addresses];
        }

        return ipam is { } own && Text(own, "type") is { } name ? [name] : [];
    }

    private static ImmutableArray<string>? Versions(JsonElement root)
    {
        if (!root.TryGetProperty("cniVersions", out JsonElement versions))
        {
            return null;
        }

        if (versions.ValueKind != JsonValueKind.Array
            || versions.EnumerateArray().Any(static item => item.ValueKind != JsonValueKind.String))
        {
            throw new FormatException("\"cniVersions\" is no list of strings");
        }

        return [.. versions.EnumerateArray().Select(static item => item.GetString() ?? "")];
    }

    private static JsonElement? Object(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement child) && child.ValueKind == JsonValueKind.Object ? child : null;

    /// <summary>Null: absent.</summary>
    private static string? Text(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement child))
        {
            return null;
        }

        return child.ValueKind == JsonValueKind.String
            ? child.GetString()
            : throw new FormatException($"\"{name}\" is no string");
    }
}

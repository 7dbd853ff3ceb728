using System.Text.Json;
using FlannelCni.Contract;
using FlannelCni.Plugin.Json;

namespace FlannelCni.Plugin.Spec;

/// <summary>The entry of the network configuration that is for this plugin, as it comes on standard input.</summary>
internal sealed record NetConf
{
    /// <summary>That a document may have; a network's has a thousand.</summary>
    internal const int MaxBytes = 1 << 20;

    /// <summary>As given; empty means 0.1.0.</summary>
    internal required string CniVersion { get; init; }

    internal required string Name { get; init; }

    /// <summary>Empty if given so.</summary>
    internal required string SubnetFile { get; init; }

    /// <summary>Folder of the scratch files; empty if given so, which no file can be in.</summary>
    internal required string DataDir { get; init; }

    /// <summary>What the user says of the plugin that does the work; null: nothing.</summary>
    internal JsonMap? Delegate { get; init; }

    /// <summary>Another delegate's links are not ours to delete.</summary>
    internal bool DelegatesToBridge => Delegate?.Find("type") is not { } type || type.Text == "bridge";

    internal JsonMap? Ipam { get; init; }

    internal JsonMap? RuntimeConfig { get; init; }

    /// <summary>How long ADD waits for the subnet file; upstream's, and so the default, is not at all.</summary>
    internal TimeSpan SubnetWait { get; init; }

    /// <summary>What ADD's chain had in the end; null: not given.</summary>
    internal JsonMap? PrevResult { get; init; }

    /// <summary>Only what every verb needs: the network's name, and that this is JSON.</summary>
    /// <exception cref="CniException">DecodingFailure, InvalidNetworkConfig.</exception>
    internal static JsonMap ReadDocument(ReadOnlySpan<byte> input)
    {
        if (input.Length > MaxBytes)
        {
            throw new CniException(
                CniErrorCode.DecodingFailure, $"error unmarshall network config: longer than {MaxBytes} bytes");
        }

        try
        {
            JsonMap document = JsonParser.ParseMap(input);
            Identifiers.RequireNetworkName(document.Text("name"));
            return document;
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.DecodingFailure, $"error unmarshall network config: {e.Message}");
        }
    }

    /// <exception cref="CniException">DecodingFailure: it is no string.</exception>
    internal static string ReadVersion(JsonMap document)
    {
        try
        {
            return Spec.CniVersion.OrOldest(document.Text("cniVersion"));
        }
        catch (JsonException e)
        {
            throw new CniException(
                CniErrorCode.DecodingFailure, $"decoding version from network config: {e.Message}");
        }
    }

    /// <exception cref="CniException">Internal: a field of a wrong type.</exception>
    internal static NetConf Read(JsonMap document)
    {
        try
        {
            return new NetConf
            {
                CniVersion = document.Text("cniVersion"),
                Name = document.Text("name"),
                SubnetFile = PathOr(document, "subnetFile", FlannelPaths.SubnetFile),
                DataDir = PathOr(document, "dataDir", FlannelPaths.CniDataDirectory),
                Delegate = document.Object("delegate"),
                Ipam = document.Object("ipam"),
                RuntimeConfig = document.Object("runtimeConfig"),
                SubnetWait = ReadWait(document),
                PrevResult = document.Object("prevResult"),
            };
        }
        catch (JsonException e)
        {
            throw new CniException(
                CniErrorCode.Internal, $"failed to load flannel netconf file: failed to load netconf: {e.Message}");
        }
    }

    private static TimeSpan ReadWait(JsonMap document) => document.Integer("subnetWaitSeconds") switch
    {
        null => TimeSpan.Zero,
        >= 0 and int seconds => TimeSpan.FromSeconds(seconds),
        int negative => throw new JsonException($"\"subnetWaitSeconds\" is {negative}"),
    };

    private static string PathOr(JsonMap document, string field, string otherwise)
    {
        string path = document.TextOrNull(field) ?? otherwise;
        return path.Contains('\0') ? throw new JsonException($"\"{field}\" contains a NUL") : path;
    }
}

// One line a Node, below a line that says whose file it is. Read only where the API cannot be asked, and as untrusted
// as what the API says: its records go the same way.

using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// The Nodes as the API last told them, on disk: a node that starts while the API is away has its pod network all the
/// same. One writer.
/// </summary>
/// <param name="directory">The agent's state directory, there already.</param>
/// <param name="pod">The agent's own, by namespace and name; null: not known.</param>
internal sealed partial class NodeStateFile(
    string directory, AnnotationNames names, (string Namespace, string Name)? pod, ILogger logger)
{
    private const int Version = 1;
    private const int PieceSize = 16 * 1024;

    private readonly string _path = $"{directory}/nodes.json";
    private bool _isFaulty;

    /// <summary>Keeps this node and those that have a lease. That it cannot be written is said once.</summary>
    internal void Write(string own, IEnumerable<NodeRecord> nodes)
    {
        try
        {
            AtomicFile.Write(
                _path, Pieces(own, nodes), UnixFileMode.UserRead | UnixFileMode.UserWrite, durable: true);
            _isFaulty = false;
        }
        catch (LinuxException e)
        {
            if (!_isFaulty)
            {
                Log.NotWritten(logger, _path, e.Message);
            }

            _isFaulty = true;
        }
    }

    /// <summary>What was kept; null: nothing that can be used, which is said where there is a file.</summary>
    /// <param name="own">This node's name: a file of another one's, as of a cloned disk, is not used.</param>
    internal ImmutableDictionary<string, NodeRecord>? Read(string own)
    {
        try
        {
            return RawFile.ReadAllBytesIfPresent(_path) is { } content ? Parse(content, own) : null;
        }
        catch (Exception e) when (e is LinuxException or FormatException or JsonException or InvalidOperationException)
        {
            Log.NotUsed(logger, _path, e.Message);
            return null;
        }
    }

    /// <summary>
    /// The node that the file is of, if this agent's pod has written it: a pod never moves to another node. Null: that
    /// is not known.
    /// </summary>
    internal string? FindOwn()
    {
        try
        {
            if (PodName is null || RawFile.ReadAllBytesIfPresent(_path) is not { } content)
            {
                return null;
            }

            ReadOnlyMemory<byte> left = content;
            using JsonDocument header = JsonDocument.Parse(NextLine(ref left));
            return Text(header.RootElement, "pod"u8) == PodName ? Text(header.RootElement, "node"u8) : null;
        }
        catch (Exception e) when (e is LinuxException or JsonException or InvalidOperationException)
        {
            Log.NotUsed(logger, _path, e.Message);
            return null;
        }
    }

    private string? PodName => pod is { } known ? $"{known.Namespace}/{known.Name}" : null;

    private IEnumerable<ReadOnlyMemory<byte>> Pieces(string own, IEnumerable<NodeRecord> nodes)
    {
        ArrayBufferWriter<byte> piece = new(PieceSize + 4096);
        using Utf8JsonWriter json = new(piece);
        json.WriteStartObject();
        json.WriteNumber("version"u8, Version);
        json.WriteString("node"u8, own);
        json.WriteString("prefix"u8, names.Prefix);
        json.WriteString("pod"u8, PodName);
        json.WriteEndObject();
        EndLine(json, piece);
        foreach (NodeRecord node in nodes)
        {
            if (piece.WrittenCount >= PieceSize)
            {
                yield return piece.WrittenMemory;
                piece.ResetWrittenCount();
            }

            Write(json, node);
            EndLine(json, piece);
        }

        yield return piece.WrittenMemory;
    }

    private static void EndLine(Utf8JsonWriter json, ArrayBufferWriter<byte> piece)
    {
        json.Flush();
        json.Reset();
        piece.Write("\n"u8);
    }

    private static void Write(Utf8JsonWriter json, NodeRecord node)
    {
        NodeAnnotations annotations = node.Annotations;
        json.WriteStartObject();
        json.WriteString("name"u8, node.Name);
        json.WriteString("uid"u8, node.Uid);
        json.WriteNumber("createdAt"u8, node.CreatedAt);
        json.WriteStartArray("podCIDRs"u8);
        foreach (string cidr in node.PodCidrs)
        {
            json.WriteStringValue(cidr);
        }

        json.WriteEndArray();
        json.WriteString("internalIP"u8, node.InternalIP.ToString());
        json.WriteString("internalIPv6"u8, node.InternalIPv6.ToString());
        json.WriteString("backendType"u8, annotations.BackendType);
        json.WriteString("backendData"u8, annotations.BackendData);
        json.WriteString("backendV6Data"u8, annotations.BackendV6Data);
        json.WriteString("publicIP"u8, annotations.PublicIP);
        json.WriteString("publicIPv6"u8, annotations.PublicIPv6);
        json.WriteString("nodePublicIP"u8, annotations.NodePublicIP);
        json.WriteString("nodePublicIPv6"u8, annotations.NodePublicIPv6);
        json.WriteEndObject();
    }

    private ImmutableDictionary<string, NodeRecord> Parse(ReadOnlyMemory<byte> content, string own)
    {
        ImmutableDictionary<string, NodeRecord>.Builder nodes =
            ImmutableDictionary.CreateBuilder<string, NodeRecord>(StringComparer.Ordinal);
        CheckHeader(NextLine(ref content), own);
        while (!content.IsEmpty)
        {
            using JsonDocument line = JsonDocument.Parse(NextLine(ref content));
            NodeRecord node = ReadNode(line.RootElement);
            nodes[node.Name] = node;
        }

        return nodes.ContainsKey(own)
            ? nodes.ToImmutable()
            : throw new FormatException($"it has no node {own}");
    }

    private void CheckHeader(ReadOnlyMemory<byte> line, string own)
    {
        using JsonDocument header = JsonDocument.Parse(line);
        JsonElement root = header.RootElement;
        if (!root.TryGetProperty("version"u8, out JsonElement version) || version.GetInt32() != Version)
        {
            throw new FormatException($"it is not of version {Version}");
        }

        if (Text(root, "node"u8) is var node && node != own)
        {
            throw new FormatException($"it is node {node}'s, this one is {own}");
        }

        if (Text(root, "prefix"u8) is var prefix && prefix != names.Prefix)
        {
            throw new FormatException($"its annotations have the prefix {prefix}, ours have {names.Prefix}");
        }
    }

    private static ReadOnlyMemory<byte> NextLine(ref ReadOnlyMemory<byte> content)
    {
        int end = content.Span.IndexOf((byte)'\n');
        ReadOnlyMemory<byte> line = end < 0 ? content : content[..end];
        content = end < 0 ? default : content[(end + 1)..];
        return line;
    }

    private static NodeRecord ReadNode(JsonElement line) => new()
    {
        Name = Text(line, "name"u8) ?? throw new FormatException("a node has no name"),
        Uid = Text(line, "uid"u8) ?? "",
        CreatedAt = line.TryGetProperty("createdAt"u8, out JsonElement at) ? at.GetInt64() : 0,
        PodCidrs = line.TryGetProperty("podCIDRs"u8, out JsonElement cidrs)
            ? [.. cidrs.EnumerateArray().Select(static cidr => cidr.GetString() ?? "")]
            : [],
        InternalIP = Address(line, "internalIP"u8),
        InternalIPv6 = Address(line, "internalIPv6"u8),
        Annotations = new NodeAnnotations
        {
            KubeSubnetManager = LeaseAnnotations.True,
            BackendType = Text(line, "backendType"u8),
            BackendData = Text(line, "backendData"u8),
            BackendV6Data = Text(line, "backendV6Data"u8),
            PublicIP = Text(line, "publicIP"u8),
            PublicIPv6 = Text(line, "publicIPv6"u8),
            NodePublicIP = Text(line, "nodePublicIP"u8),
            NodePublicIPv6 = Text(line, "nodePublicIPv6"u8),
        },
    };

    private static string? Text(JsonElement line, ReadOnlySpan<byte> name) =>
        line.TryGetProperty(name, out JsonElement text) ? text.GetString() : null;

    private static IpAddr Address(JsonElement line, ReadOnlySpan<byte> name) =>
        IpAddr.TryParse(Text(line, name), out IpAddr address) ? address : default;

    private static partial class Log
    {
        [LoggerMessage(
            LogLevel.Warning, "{Path} cannot be written, a start without the API would find no network: {Reason}")]
        internal static partial void NotWritten(ILogger logger, string path, string reason);

        [LoggerMessage(LogLevel.Warning, "{Path} is not used: {Reason}")]
        internal static partial void NotUsed(ILogger logger, string path, string reason);
    }
}

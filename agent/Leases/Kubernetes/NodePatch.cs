using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// What has to change on a Node, as a strategic merge patch of its status: only what differs, and only on the Node that
/// was read.
/// </summary>
/// <param name="Annotations">Names of those that are written.</param>
/// <param name="HasCondition">NetworkUnavailable is written.</param>
internal sealed record NodePatch(ReadOnlyMemory<byte> Json, ImmutableArray<string> Annotations, bool HasCondition)
{
    /// <summary>The condition by which a cloud's controllers keep pods off a node without a network.</summary>
    internal const string ConditionType = "NetworkUnavailable";

    private const string Reason = "FlannelIsUp";

    private static readonly JsonWriterOptions s_options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Pure.</summary>
    /// <param name="wanted">Null: not to be touched.</param>
    /// <param name="saysUp">The condition is to say that the network is there.</param>
    /// <returns>Null: the Node is as it has to be.</returns>
    internal static NodePatch? Compose(
        AnnotationNames names, NodeAnnotations wanted, NodeRecord present, bool saysUp, DateTimeOffset now)
    {
        ImmutableArray<(string Name, string Value)> changes = [.. Pairs(names, wanted)
            .Zip(Pairs(names, present.Annotations))
            .Where(static pair => pair.First.Value is not null && pair.First.Value != pair.Second.Value)
            .Select(static pair => (pair.First.Name, pair.First.Value ?? ""))];
        bool hasCondition = saysUp && present.NetworkUnavailable?.Status != "False";
        return changes.IsEmpty && !hasCondition ? null : new NodePatch(
            Write(present.Uid, changes, hasCondition, now),
            [.. changes.Select(static change => change.Name)],
            hasCondition);
    }

    private static IEnumerable<(string Name, string? Value)> Pairs(AnnotationNames names, NodeAnnotations of) =>
    [
        (names.BackendData, of.BackendData),
        (names.BackendV6Data, of.BackendV6Data),
        (names.BackendType, of.BackendType),
        (names.PublicIP, of.PublicIP),
        (names.PublicIPv6, of.PublicIPv6),
        (names.KubeSubnetManager, of.KubeSubnetManager),
    ];

    private static ReadOnlyMemory<byte> Write(
        string uid, ImmutableArray<(string Name, string Value)> annotations, bool hasCondition, DateTimeOffset now)
    {
        ArrayBufferWriter<byte> bytes = new(512);
        using Utf8JsonWriter json = new(bytes, s_options);
        json.WriteStartObject();
        json.WriteStartObject("metadata"u8);

        // Refused if the Node has been made anew since it was read.
        json.WriteString("uid"u8, uid);
        if (!annotations.IsEmpty)
        {
            json.WriteStartObject("annotations"u8);
            foreach ((string name, string value) in annotations)
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        if (hasCondition)
        {
            json.WriteStartObject("status"u8);
            json.WriteStartArray("conditions"u8);
            WriteCondition(json, now);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenMemory;
    }

    private static void WriteCondition(Utf8JsonWriter json, DateTimeOffset now)
    {
        string time = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        json.WriteStartObject();
        json.WriteString("type"u8, ConditionType);
        json.WriteString("status"u8, "False");
        json.WriteString("lastHeartbeatTime"u8, time);
        json.WriteString("lastTransitionTime"u8, time);
        json.WriteString("reason"u8, Reason);
        json.WriteString("message"u8, "Flannel is running on this node");
        json.WriteEndObject();
    }
}

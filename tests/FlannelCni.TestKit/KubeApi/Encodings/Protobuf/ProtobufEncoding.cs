using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.Protobuf;

namespace FlannelCni.TestKit.KubeApi.Encodings.Protobuf;

/// <summary>
/// application/vnd.kubernetes.protobuf: <c>k8s\0</c> and a runtime.Unknown, which says the kind and holds the message.
/// A watch is frames, <c>length:u32be | WatchEvent</c>, whose object is such a document again.
/// </summary>
internal sealed class ProtobufEncoding : ObjectEncoding
{
    private static readonly byte[] s_magic = "k8s\0"u8.ToArray();

    internal override string MediaType => "application/vnd.kubernetes.protobuf";

    internal override string StreamType => "application/vnd.kubernetes.protobuf;stream=watch";

    internal override bool Knows(ResourceType type) => ProtoSchema.Knows(type.Kind);

    /// <summary>The object in a request's body, as JSON.</summary>
    /// <exception cref="ApiStatusException">400: no such document, or of a kind not known in this form.</exception>
    internal static JsonObject Read(ReadOnlySpan<byte> document)
    {
        try
        {
            return ReadDocument(document);
        }
        catch (InvalidDataException e)
        {
            throw ApiStatusException.BadRequest($"the body of the request: {e.Message}");
        }
    }

    private static JsonObject ReadDocument(ReadOnlySpan<byte> document)
    {
        if (!document.StartsWith(s_magic))
        {
            throw ApiStatusException.BadRequest("the body of the request does not begin as protobuf of Kubernetes");
        }

        ProtoReader unknown = new(document[s_magic.Length..]);
        string kind = "", apiVersion = "";
        ReadOnlySpan<byte> raw = default;
        while (unknown.Next(out int number, out ReadOnlySpan<byte> data, out _))
        {
            if (number == 1)
            {
                ProtoReader type = new(data);
                while (type.Next(out int part, out ReadOnlySpan<byte> text, out _))
                {
                    (apiVersion, kind) = part == 1
                        ? (Encoding.UTF8.GetString(text), kind)
                        : (apiVersion, Encoding.UTF8.GetString(text));
                }
            }
            else if (number == 2)
            {
                raw = data;
            }
        }

        if (!ProtoSchema.Knows(kind))
        {
            throw ApiStatusException.BadRequest($"{apiVersion} {kind} is not read as protobuf here: send JSON");
        }

        JsonObject content = ProtoJson.Read(raw, kind);
        content["kind"] = kind;
        content["apiVersion"] = apiVersion;
        return content;
    }

    internal override ReadOnlyMemory<byte> Object(StoredObject stored)
    {
        ReadOnlyMemory<byte> message = Message(stored);
        return Document(stored.Type.Kind, stored.Type.ApiVersion, message.Span);
    }

    internal override IEnumerable<ReadOnlyMemory<byte>> List(
        ResourceType type, ListMeta meta, IReadOnlyList<StoredObject> items)
    {
        JsonObject metadata = new()
        {
            ["resourceVersion"] = meta.Revision.Text(),
            ["continue"] = meta.Continue.Length > 0 ? meta.Continue : null,
            ["remainingItemCount"] = meta.Remaining > 0 ? (long)meta.Remaining : null,
        };
        byte[] head = new ProtoWriter().Bytes(1, ProtoJson.Write(metadata, "ListMeta")).ToArray();
        List<(byte[] Head, ReadOnlyMemory<byte> Message)> parts = [.. items.Select(static stored =>
        {
            ReadOnlyMemory<byte> message = Message(stored);
            return (new ProtoWriter().Head(2, message.Length).ToArray(), message);
        })];
        long length = head.Length + parts.Sum(static part => (long)part.Head.Length + part.Message.Length);

        yield return Start(type.Kind + "List", type.ApiVersion, length);
        yield return head;
        foreach ((byte[] itemHead, ReadOnlyMemory<byte> message) in parts)
        {
            yield return itemHead;
            yield return message;
        }

        yield return End();
    }

    internal override ReadOnlyMemory<byte> Event(string kind, StoredObject stored) => Frame(kind, Object(stored).Span);

    internal override ReadOnlyMemory<byte> Bookmark(ResourceType type, long revision, bool endsInitial)
    {
        JsonObject metadata = new() { ["resourceVersion"] = revision.Text() };
        if (endsInitial)
        {
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        byte[] message = ProtoJson.Write(new JsonObject { ["metadata"] = metadata }, type.Kind);
        return Frame("BOOKMARK", Document(type.Kind, type.ApiVersion, message));
    }

    // metav1.Status: metadata = 1, status = 2, message = 3, reason = 4, details = 5, code = 6
    internal override ReadOnlyMemory<byte> Error(ApiStatusException error)
    {
        ProtoWriter status = new ProtoWriter()
            .Bytes(1, [])
            .Text(2, "Failure")
            .Text(3, error.Message)
            .Text(4, error.Reason)
            .Integer(6, error.Code);
        return Frame("ERROR", Document("Status", "v1", status.ToArray()));
    }

    private static ReadOnlyMemory<byte> Message(StoredObject stored) =>
        stored.Protobuf(static one => ProtoJson.Write(one.Content(), one.Type.Kind));

    private static byte[] Document(string kind, string apiVersion, ReadOnlySpan<byte> message) =>
        [.. Start(kind, apiVersion, message.Length), .. message, .. End()];

    // runtime.Unknown: typeMeta = 1 (apiVersion = 1, kind = 2), raw = 2, contentEncoding = 3, contentType = 4
    private static byte[] Start(string kind, string apiVersion, long length)
    {
        byte[] type = new ProtoWriter().Text(1, apiVersion).Text(2, kind).ToArray();
        return [.. s_magic, .. new ProtoWriter().Bytes(1, type).Head(2, length).ToArray()];
    }

    private static byte[] End() => new ProtoWriter().Text(3, "").Text(4, "").ToArray();

    // WatchEvent: type = 1, object = 2, a RawExtension: raw = 1
    private static byte[] Frame(string kind, ReadOnlySpan<byte> document)
    {
        byte[] extension = new ProtoWriter().Bytes(1, document).ToArray();
        byte[] message = new ProtoWriter().Text(1, kind).Bytes(2, extension).ToArray();
        byte[] frame = new byte[4 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, message.Length);
        message.CopyTo(frame, 4);
        return frame;
    }
}

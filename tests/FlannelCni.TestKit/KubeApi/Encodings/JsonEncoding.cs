using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Encodings;

/// <summary>application/json. Objects are kept in it, so that they are only framed here.</summary>
internal sealed class JsonEncoding : ObjectEncoding
{
    private static readonly byte[] s_comma = ","u8.ToArray();
    private static readonly byte[] s_listEnd = "]}\n"u8.ToArray();

    internal override string MediaType => "application/json";

    internal override ReadOnlyMemory<byte> Object(StoredObject stored) => Whole(stored, "", "\n");

    internal override IEnumerable<ReadOnlyMemory<byte>> List(
        ResourceType type, ListMeta meta, IReadOnlyList<StoredObject> items)
    {
        JsonObject metadata = new() { ["resourceVersion"] = meta.Revision.Text() };
        if (meta.Continue.Length > 0)
        {
            metadata["continue"] = meta.Continue;
        }

        if (meta.Remaining > 0)
        {
            metadata["remainingItemCount"] = meta.Remaining;
        }

        yield return Encoding.UTF8.GetBytes(
            $$"""{"kind":"{{type.Kind}}List","apiVersion":"{{type.ApiVersion}}","metadata":""");
        yield return JsonText.Write(metadata);
        yield return ",\"items\":["u8.ToArray();
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                yield return s_comma;
            }

            yield return items[i].Json;
        }

        yield return s_listEnd;
    }

    internal override ReadOnlyMemory<byte> Event(string kind, StoredObject stored) =>
        Whole(stored, $$"""{"type":"{{kind}}","object":""", "}\n");

    internal override ReadOnlyMemory<byte> Bookmark(ResourceType type, long revision, bool endsInitial)
    {
        string annotations = endsInitial ? ""","annotations":{"k8s.io/initial-events-end":"true"}""" : "";
        return Encoding.UTF8.GetBytes(
            $$"""{"type":"BOOKMARK","object":{"kind":"{{type.Kind}}","apiVersion":"{{type.ApiVersion}}","metadata":"""
            + $$"""{"resourceVersion":"{{revision.Text()}}","creationTimestamp":null{{annotations}}}""" + "}}\n");
    }

    internal override ReadOnlyMemory<byte> Error(ApiStatusException error) => Encoding.UTF8.GetBytes(
        $$"""{"type":"ERROR","object":{{error.ToJson().ToJsonString()}}}""" + "\n");

    // {"kind":...,"apiVersion":..., and then what is kept, after its brace.
    private static byte[] Whole(StoredObject stored, string before, string after)
    {
        string type = $$"""{{before}}{"kind":"{{stored.Type.Kind}}","apiVersion":"{{stored.Type.ApiVersion}}",""";
        byte[] bytes = new byte[type.Length + stored.Json.Length - 1 + after.Length];
        int length = Encoding.UTF8.GetBytes(type, bytes);
        stored.Json[1..].CopyTo(bytes.AsMemory(length));
        Encoding.UTF8.GetBytes(after, bytes.AsSpan(length + stored.Json.Length - 1));
        return bytes;
    }
}

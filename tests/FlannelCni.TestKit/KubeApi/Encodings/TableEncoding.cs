using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Encodings;

/// <summary>application/json;as=Table: rows of cells for people, as <c>kubectl get</c> asks for.</summary>
/// <param name="include">What of each object comes with its row: None, Metadata (also empty) or Object.</param>
internal sealed class TableEncoding(string include, TimeProvider time) : ObjectEncoding
{
    internal override string MediaType => "application/json";

    internal override ReadOnlyMemory<byte> Object(StoredObject stored) =>
        JsonText.Write(Table(stored.Type, new() { ["resourceVersion"] = stored.ResourceVersion.Text() }, [stored]));

    internal override IEnumerable<ReadOnlyMemory<byte>> List(
        ResourceType type, ListMeta meta, IReadOnlyList<StoredObject> items)
    {
        JsonObject metadata = new() { ["resourceVersion"] = meta.Revision.Text() };
        if (meta.Continue.Length > 0)
        {
            metadata["continue"] = meta.Continue;
        }

        yield return JsonText.Write(Table(type, metadata, items));
    }

    internal override ReadOnlyMemory<byte> Event(string kind, StoredObject stored) =>
        Line(kind, Table(stored.Type, new() { ["resourceVersion"] = stored.ResourceVersion.Text() }, [stored]));

    internal override ReadOnlyMemory<byte> Bookmark(ResourceType type, long revision, bool endsInitial) =>
        Line("BOOKMARK", Table(type, new() { ["resourceVersion"] = revision.Text() }, []));

    internal override ReadOnlyMemory<byte> Error(ApiStatusException error) => Line("ERROR", error.ToJson());

    private static byte[] Line(string kind, JsonObject content) =>
        [.. JsonText.Write(new JsonObject { ["type"] = kind, ["object"] = content }), (byte)'\n'];

    private JsonObject Table(ResourceType type, JsonObject metadata, IReadOnlyList<StoredObject> items)
    {
        IReadOnlyList<TableColumn> columns = TableColumn.Of(type);
        JsonArray rows = [];
        foreach (StoredObject stored in items)
        {
            JsonObject whole = stored.Whole();
            JsonNode[] cells = [.. columns.Select(column => JsonValue.Create(column.Read(whole, time.GetUtcNow())))];
            JsonObject row = new() { ["cells"] = new JsonArray(cells) };
            if (include == "Object")
            {
                row["object"] = whole;
            }
            else if (include != "None")
            {
                row["object"] = new JsonObject
                {
                    ["kind"] = "PartialObjectMetadata",
                    ["apiVersion"] = "meta.k8s.io/v1",
                    ["metadata"] = whole.Metadata().DeepClone(),
                };
            }

            rows.Add((JsonNode)row);
        }

        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = metadata,
            ["columnDefinitions"] = new JsonArray([.. columns.Select(static column => column.ToJson())]),
            ["rows"] = rows,
        };
    }
}

using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Encodings.Protobuf;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Patches;
using FlannelCni.TestKit.KubeApi.Registry;
using FlannelCni.TestKit.KubeApi.Requests;
using Microsoft.AspNetCore.Http;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>create, update, patch, delete and deletecollection.</summary>
internal sealed class WriteCalls(ObjectRegistry registry)
{
    private const string StrategicMerge = "application/strategic-merge-patch+json";
    private const string Merge = "application/merge-patch+json";
    private const string Json = "application/json-patch+json";
    private const string Protobuf = "application/vnd.kubernetes.protobuf";
    private const string Apply = "application/apply-patch+yaml";

    internal async Task RunAsync(HttpContext context, KubeRequest request, ResourceType type, ObjectEncoding encoding)
    {
        bool isStatus = request.Subresource == "status";
        bool dryRun = request.Query.GetValueOrDefault("dryRun") == "All";
        switch (request.Verb)
        {
            case "create" when request.Name.Length == 0:
                StoredObject created = registry.Create(type, request.Namespace, ReadObject(request, type), dryRun);
                await context.SendAsync(encoding, created, 201);
                break;
            case "update" when request.Name.Length > 0:
                JsonObject given = ReadObject(request, type);
                StoredObject updated = registry.Update(
                    type, request.Namespace, request.Name, _ => given, isStatus, dryRun);
                await context.SendAsync(encoding, updated);
                break;
            case "patch" when request.Name.Length > 0 && MediaType(request) == Apply:
                (StoredObject applied, bool isNew) = registry.Apply(
                    type,
                    request.Namespace,
                    request.Name,
                    Manager(request),
                    JsonText.Read(request.Body),
                    isStatus,
                    dryRun);
                await context.SendAsync(encoding, applied, isNew ? 201 : 200);
                break;
            case "patch" when request.Name.Length > 0:
                StoredObject patched = registry.Update(
                    type, request.Namespace, request.Name, PatchOf(request), isStatus, dryRun);
                await context.SendAsync(encoding, patched);
                break;
            case "delete":
                await DeleteAsync(context, request, type, dryRun);
                break;
            case "deletecollection":
                DeleteAll(request, type, dryRun);
                await context.SendAsync(Success(type, ""));
                break;
            default:
                throw ApiStatusException.MethodNotAllowed();
        }
    }

    private async Task DeleteAsync(HttpContext context, KubeRequest request, ResourceType type, bool dryRun)
    {
        JsonObject options = request.Body.IsEmpty ? [] : JsonText.Read(request.Body);
        JsonObject preconditions = options["preconditions"] as JsonObject ?? [];
        StoredObject deleted = registry.Delete(
            type,
            request.Namespace,
            request.Name,
            preconditions.Text("uid"),
            preconditions.Text("resourceVersion"),
            dryRun || options["dryRun"] is JsonArray { Count: > 0 });
        JsonObject success = Success(type, deleted.Name);
        success["details"]!["uid"] = deleted.Uid;
        await context.SendAsync(success);
    }

    private void DeleteAll(KubeRequest request, ResourceType type, bool dryRun)
    {
        ListOptions options = new(request, type, allowsWatchList: false);
        foreach (StoredObject stored in registry.Store.Read(type).Objects.Values.Where(stored =>
            (request.Namespace.Length == 0 || stored.Namespace == request.Namespace)
            && options.Selector.Matches(stored)))
        {
            _ = registry.Delete(type, stored.Namespace, stored.Name, stored.Uid, dryRun: dryRun);
        }
    }

    private static JsonObject Success(ResourceType type, string name) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Success",
        ["details"] = new JsonObject { ["name"] = name, ["group"] = type.Group, ["kind"] = type.Plural },
    };

    private static string Manager(KubeRequest request) =>
        request.Query.GetValueOrDefault("fieldManager") is { Length: > 0 } manager
            ? manager
            : throw ApiStatusException.BadRequest("fieldManager is required for apply patch");

    private static Func<JsonObject, JsonObject> PatchOf(KubeRequest request)
    {
        switch (MediaType(request))
        {
            case StrategicMerge:
                JsonObject strategic = JsonText.Read(request.Body);
                return current => StrategicMergePatch.Apply(current, strategic);
            case Merge:
                JsonObject merge = JsonText.Read(request.Body);
                return current => MergePatch.Apply(current, merge) as JsonObject ?? [];
            case Json:
                JsonArray operations = JsonText.ReadAny(request.Body) as JsonArray
                    ?? throw ApiStatusException.BadRequest("the body of the request is not a JSON array");
                return current => JsonPatch.Apply(current, operations);
            default:
                throw ApiStatusException.UnsupportedMediaType([Json, Merge, StrategicMerge, Apply]);
        }
    }

    private static JsonObject ReadObject(KubeRequest request, ResourceType type)
    {
        JsonObject given = ReadBody(request);
        (string kind, string version) = (given.Text("kind") ?? type.Kind, given.Text("apiVersion") ?? type.ApiVersion);
        return kind == type.Kind && version == type.ApiVersion
            ? given
            : throw ApiStatusException.BadRequest(
                $"{kind} in version \"{version}\" cannot be handled as a {type.Kind} in version \"{type.ApiVersion}\"");
    }

    private static JsonObject ReadBody(KubeRequest request) => MediaType(request) switch
    {
        "application/json" or "" or "*/*" => JsonText.Read(request.Body),
        Protobuf => ProtobufEncoding.Read(request.Body.Span),
        _ => throw ApiStatusException.UnsupportedMediaType(["application/json", Protobuf]),
    };

    private static string MediaType(KubeRequest request) => request.ContentType.Split(';')[0].Trim();
}

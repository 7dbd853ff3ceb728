using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Patches;
using FlannelCni.TestKit.KubeApi.Storage;

namespace FlannelCni.TestKit.KubeApi.Registry;

/// <summary>
/// The rules of writing: what a server sets itself, what never changes, which version a change was made for, what
/// belongs to the status. One write at a time, so that each sees what the one before left.
/// </summary>
internal sealed class ObjectRegistry(KubeStore store, TimeProvider time)
{
    private static readonly string[] s_kept =
        ["uid", "resourceVersion", "creationTimestamp", "name", "namespace", "deletionTimestamp"];

    private readonly Lock _writing = new();
    private readonly Dictionary<(string Uid, string Manager, bool IsStatus), JsonObject> _applied = [];

    internal KubeStore Store => store;

    /// <exception cref="ApiStatusException">404.</exception>
    internal StoredObject Get(ResourceType type, string @namespace, string name) =>
        store.Find(type, StoredObject.KeyOf(type, @namespace, name)) ?? throw ApiStatusException.NotFound(type, name);

    /// <exception cref="ApiStatusException">404: no such namespace. 409: it exists. 422: not a valid one.</exception>
    internal StoredObject Create(ResourceType type, string @namespace, JsonObject given, bool dryRun = false)
    {
        lock (_writing)
        {
            JsonObject content = ObjectForm.Of(given);
            JsonObject metadata = content.Metadata();
            SettleNamespace(type, @namespace, metadata);
            ObjectNames.Settle(type, metadata);
            string name = metadata.Text("name")!;
            if (store.Find(type, StoredObject.KeyOf(type, @namespace, name)) is not null)
            {
                throw ApiStatusException.AlreadyExists(type, name);
            }

            if (metadata.Text("resourceVersion") is { Length: > 0 })
            {
                throw ApiStatusException.BadRequest("resourceVersion should not be set on objects to be created");
            }

            metadata["uid"] = Guid.NewGuid().ToString();
            metadata["creationTimestamp"] = Now;
            metadata.Remove("deletionTimestamp");
            Begin(type, content);
            return Keep(type, content, dryRun);
        }
    }

    /// <summary>Replaces an object, or with <paramref name="isStatus"/> its status, by what it is made into.</summary>
    /// <param name="change">Gets the whole object as clients see it, and may alter it.</param>
    /// <exception cref="ApiStatusException">404: absent. 409: the change names another version or uid. 422.</exception>
    internal StoredObject Update(
        ResourceType type,
        string @namespace,
        string name,
        Func<JsonObject, JsonObject> change,
        bool isStatus = false,
        bool dryRun = false)
    {
        lock (_writing)
        {
            StoredObject old = Get(type, @namespace, name);
            JsonObject before = old.Content();
            JsonObject content = ObjectForm.Of(change(old.Whole()));
            CheckIdentity(old, content.Metadata());
            Restore(type, before, content, isStatus);
            if (JsonNode.DeepEquals(before, content))
            {
                return old;
            }

            bool isGone = content.Metadata().ContainsKey("deletionTimestamp")
                && content.Metadata()["finalizers"] is null;
            return isGone && !dryRun ? store.Remove(old) : Keep(type, content, dryRun);
        }
    }

    /// <summary>Server-side apply: creates the object, or changes what this manager says about it.</summary>
    internal (StoredObject Stored, bool IsNew) Apply(
        ResourceType type,
        string @namespace,
        string name,
        string manager,
        JsonObject applied,
        bool isStatus = false,
        bool dryRun = false)
    {
        lock (_writing)
        {
            StoredObject? old = store.Find(type, StoredObject.KeyOf(type, @namespace, name));
            JsonObject last = _applied.GetValueOrDefault((old?.Uid ?? "", manager, isStatus)) ?? [];
            StoredObject stored = old is null && !isStatus
                ? Create(type, @namespace, Named(applied, name), dryRun)
                : Update(
                    type,
                    @namespace,
                    name,
                    current => StrategicMergePatch.Apply(current, AppliedChange.Of(last, applied)),
                    isStatus,
                    dryRun);
            if (!dryRun)
            {
                _applied[(stored.Uid, manager, isStatus)] = (JsonObject)applied.DeepClone();
            }

            return (stored, old is null);
        }
    }

    /// <summary>
    /// Deletes at once, as if a kubelet had stopped the pod; an object that has finalizers only when the last is gone.
    /// </summary>
    /// <param name="uid">Null: any.</param>
    /// <param name="resourceVersion">Null: any.</param>
    /// <exception cref="ApiStatusException">404; 409: a precondition does not hold.</exception>
    internal StoredObject Delete(
        ResourceType type,
        string @namespace,
        string name,
        string? uid = null,
        string? resourceVersion = null,
        bool dryRun = false)
    {
        lock (_writing)
        {
            StoredObject old = Get(type, @namespace, name);
            if (uid is not null && uid != old.Uid)
            {
                throw ApiStatusException.Conflict(
                    type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Uid}");
            }

            if (resourceVersion is not null && resourceVersion != old.ResourceVersion.Text())
            {
                throw ApiStatusException.Conflict(
                    type,
                    name,
                    $"Precondition failed: ResourceVersion in precondition: {resourceVersion}, "
                    + $"ResourceVersion in object meta: {old.ResourceVersion}");
            }

            return dryRun ? old : Delete(old);
        }
    }

    private string Now => time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", null);

    private static JsonObject Named(JsonObject applied, string name)
    {
        JsonObject content = (JsonObject)applied.DeepClone();
        content.Metadata()["name"] = name;
        return content;
    }

    private StoredObject Delete(StoredObject old)
    {
        JsonObject content = old.Content();
        if (content.Metadata()["finalizers"] is JsonArray { Count: > 0 })
        {
            content.Metadata()["deletionTimestamp"] ??= Now;
            return store.Put(old.Type, ObjectForm.Of(content));
        }

        if (old.Type == ResourceTypes.Namespaces)
        {
            foreach (StoredObject inside in ResourceTypes.All
                .Where(static type => type.IsNamespaced)
                .SelectMany(type => store.Read(type).Objects.Values)
                .Where(stored => stored.Namespace == old.Name))
            {
                _ = Delete(inside);
            }
        }

        return store.Remove(old);
    }

    private void SettleNamespace(ResourceType type, string @namespace, JsonObject metadata)
    {
        if (!type.IsNamespaced)
        {
            metadata.Remove("namespace");
            return;
        }

        if ((metadata.Text("namespace") ?? @namespace) != @namespace)
        {
            throw ApiStatusException.BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request");
        }

        _ = Get(ResourceTypes.Namespaces, "", @namespace);
        metadata["namespace"] = @namespace;
    }

    private static void Begin(ResourceType type, JsonObject content)
    {
        if (type.HasStatus && !type.IsCreatedWithStatus)
        {
            content.Remove("status");
        }

        if (type == ResourceTypes.Nodes)
        {
            NodeRules.Complete(content);
        }
        else if (type == ResourceTypes.Namespaces)
        {
            content["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
            content["status"] = new JsonObject { ["phase"] = "Active" };
        }
        else if (type == ResourceTypes.Pods)
        {
            content["status"] = new JsonObject { ["phase"] = "Pending" };
        }
    }

    private static void CheckIdentity(StoredObject old, JsonObject metadata)
    {
        if ((metadata.Text("name") ?? old.Name) != old.Name)
        {
            throw ApiStatusException.BadRequest(
                $"the name of the object ({metadata.Text("name")}) does not match the name on the URL ({old.Name})");
        }

        if (metadata.Text("resourceVersion") is { Length: > 0 } version && version != old.ResourceVersion.Text())
        {
            throw ApiStatusException.Conflict(
                old.Type,
                old.Name,
                "the object has been modified; please apply your changes to the latest version and try again");
        }

        if (metadata.Text("uid") is { Length: > 0 } uid && uid != old.Uid)
        {
            throw ApiStatusException.Conflict(
                old.Type,
                old.Name,
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Uid}");
        }
    }

    // Puts back what this kind of change leaves alone. Labels and annotations a change of the status may alter, too.
    private static void Restore(ResourceType type, JsonObject before, JsonObject content, bool isStatus)
    {
        foreach (string name in s_kept)
        {
            PutBack(before.Metadata(), content.Metadata(), name);
        }

        if (isStatus)
        {
            foreach (string name in before.Concat(content).Select(static member => member.Key).ToArray())
            {
                if (name is not ("metadata" or "status"))
                {
                    PutBack(before, content, name);
                }
            }
        }
        else if (type.HasStatus)
        {
            PutBack(before, content, "status");
        }

        if (type == ResourceTypes.Nodes)
        {
            NodeRules.Complete(content);
            NodeRules.Check(before, content);
        }
    }

    private static void PutBack(JsonObject from, JsonObject to, string name)
    {
        if (from[name] is JsonNode value)
        {
            to[name] = value.DeepClone();
        }
        else
        {
            to.Remove(name);
        }
    }

    private StoredObject Keep(ResourceType type, JsonObject content, bool dryRun)
    {
        JsonObject formed = ObjectForm.Of(content);
        return dryRun ? new StoredObject(type, formed, 0) : store.Put(type, formed);
    }
}

using System.Text.Json;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Attachments;

/// <summary>The attachments that a runtime still knows of: all others are garbage. SPEC.md, "GC".</summary>
internal sealed class ValidAttachments
{
    private const string Key = "cni.dev/valid-attachments";

    // The specification's first wording, which the Go library sends too.
    private const string FormerKey = "cni.dev/attachments";

    private readonly JsonValue _list;
    private readonly HashSet<Attachment> _attachments = [];
    private readonly HashSet<string> _containers = [];

    private ValidAttachments(JsonValue list) => _list = list;

    internal IEnumerable<Attachment> All => _attachments;

    internal bool Contains(string containerId, string ifName) =>
        _attachments.Contains(new Attachment(containerId, ifName, Sandbox: ""));

    /// <summary>Any of the container's interfaces.</summary>
    internal bool ContainsAnyOf(string containerId) => _containers.Contains(containerId);

    /// <summary>Null: the runtime does not say which are valid. A null in the document is Go's empty list.</summary>
    /// <exception cref="CniException">InvalidNetworkConfig: not a list of attachments.</exception>
    internal static ValidAttachments? Find(JsonMap document)
    {
        JsonValue? list = document.Find(Key) ?? document.Find(FormerKey);
        try
        {
            return list is null ? null : Read(list);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, $"\"{Key}\": {e.Message}");
        }
    }

    /// <summary>Puts the list, as it came, under both of its keys.</summary>
    internal void AddTo(JsonMap config)
    {
        config.Set(Key, _list);
        config.Set(FormerKey, _list);
    }

    private static ValidAttachments Read(JsonValue list)
    {
        if (list.Kind is not (JsonKind.Array or JsonKind.Null))
        {
            throw new JsonException("a list is expected");
        }

        ValidAttachments valid = new(list);
        foreach (JsonValue item in list.Items)
        {
            JsonMap attachment = item.Map ?? throw new JsonException("an item is no object");
            string containerId = attachment.Text("containerID");
            string ifName = attachment.Text("ifname");
            if (containerId.Length == 0 || ifName.Length == 0)
            {
                throw new JsonException("an item is without \"containerID\" or \"ifname\"");
            }

            _ = valid._attachments.Add(new Attachment(containerId, ifName, Sandbox: ""));
            _ = valid._containers.Add(containerId);
        }

        return valid;
    }
}

namespace FlannelCni.Plugin.Attachments;

/// <summary>What a command is about: one interface of one container.</summary>
/// <param name="IfName">Of the interface in the pod.</param>
/// <param name="Sandbox">Path of the pod's namespace as the runtime gave it; empty: it is gone (DEL only).</param>
internal readonly record struct Attachment(string ContainerId, string IfName, string Sandbox)
{
    /// <summary>Unique among attachments, and a file name: neither part can hold a colon.</summary>
    internal string Key => $"{ContainerId}:{IfName}";
}

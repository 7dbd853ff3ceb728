namespace FlannelCni.Plugin.Spec;

/// <summary>What the runtime says; SPEC.md, "Parameters". The command line says nothing.</summary>
internal sealed record CniEnvironment(
    string Command, string ContainerId, string NetNs, string IfName, string Args, string Path, string NetNsOverride)
{
    /// <summary>May the pod's namespace be the plugin's own?</summary>
    internal bool AllowsOwnNamespace =>
        NetNsOverride == "1" || string.Equals(NetNsOverride, "TRUE", StringComparison.OrdinalIgnoreCase);

    /// <summary>The folders that plugins are looked for in.</summary>
    internal string[] PluginFolders => Path.Split(':', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>It is about an attachment that the runtime did not name.</summary>
    internal bool IsOnBehalf { get; private init; }

    /// <summary>For a call that takes down an attachment whose namespace is gone.</summary>
    internal CniEnvironment OnBehalfOf(string containerId, string ifName) =>
        this with { ContainerId = containerId, IfName = ifName, NetNs = "", Args = "", IsOnBehalf = true };

    /// <exception cref="CniException">InvalidEnvironment: a bad name; or all that is missing.</exception>
    internal static CniEnvironment Read(Func<string, string?> variable)
    {
        string command = variable("CNI_COMMAND") ?? "";
        List<string> missing = [];

        // In this order: the first bad value is reported before anything that is missing.
        CniEnvironment environment = new(
            Required("CNI_COMMAND", true),
            Required("CNI_CONTAINERID", command is "ADD" or "CHECK" or "DEL", Identifiers.RequireContainerId),
            Required("CNI_NETNS", command is "ADD" or "CHECK"),
            Required("CNI_IFNAME", command is "ADD" or "CHECK" or "DEL", Identifiers.RequireInterfaceName),
            Required("CNI_ARGS", false),
            Required("CNI_PATH", command is "ADD" or "CHECK" or "DEL" or "GC" or "STATUS"),
            Required("CNI_NETNS_OVERRIDE", false));
        return missing.Count == 0
            ? environment
            : throw new CniException(
                CniErrorCode.InvalidEnvironment, $"required env variables [{string.Join(',', missing)}] missing");

        string Required(string name, bool isRequired, Action<string>? validate = null)
        {
            string value = variable(name) ?? "";
            if (isRequired && value.Length == 0)
            {
                missing.Add(name);
            }
            else if (isRequired)
            {
                validate?.Invoke(value);
            }

            return value;
        }
    }
}

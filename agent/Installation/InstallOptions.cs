namespace FlannelCni.Agent.Installation;

/// <summary>From where to where plugins and configuration are installed.</summary>
/// <param name="PluginsFrom">Folder of the plugins that come with this agent.</param>
/// <param name="PluginsTo">Folder in which the container runtime looks for plugins.</param>
/// <param name="ConfigFrom">The list of plugins, as the ConfigMap has it.</param>
/// <param name="ConfigTo">File that the container runtime reads.</param>
internal sealed record InstallOptions(string PluginsFrom, string PluginsTo, string ConfigFrom, string ConfigTo)
{
    /// <summary>Where the image has its plugins.</summary>
    internal const string ImagePlugins = "/usr/lib/cni";

    /// <summary>As the manifest mounts them; a runtime's folders unless it was told otherwise.</summary>
    internal static InstallOptions Default { get; } = new(
        ImagePlugins, "/opt/cni/bin", "/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist");

    /// <summary>Folder of <see cref="ConfigTo"/>.</summary>
    internal string ConfigFolder => Path.GetDirectoryName(ConfigTo) is { Length: > 0 } folder ? folder : ".";
}

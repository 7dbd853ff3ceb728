using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>The configuration of the plugin that does the work, and the bytes that other programs get.</summary>
internal sealed record RenderedConfig(JsonMap Map, byte[] Bytes)
{
    internal RenderedConfig(JsonMap map)
        : this(map, JsonPrinter.Compact(map))
    {
    }

    internal string Type => Map.Find("type")?.Text ?? DelegateConfig.Bridge;

    internal bool IsBridge => Type == DelegateConfig.Bridge;

    /// <summary>That results are printed in.</summary>
    internal string Version => CniVersion.OrOldest(Map.Find("cniVersion")?.Text ?? "");

    internal string Network => Map.Find("name")?.Text ?? "";

    /// <summary>Empty: no IPAM.</summary>
    internal string IpamType => Map.Find("ipam")?.Map?.Find("type")?.Text ?? "";
}

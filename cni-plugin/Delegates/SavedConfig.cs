using System.Text.Json;
using FlannelCni.Contract;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>The configuration that a DEL goes by.</summary>
/// <param name="Config">Rendered; null: there is none to be had, but the links can be deleted all the same.</param>
/// <param name="IsKnown">ADD left it for this network.</param>
/// <param name="IsConsumed">The scratch file is this network's, and goes when all is done.</param>
internal sealed record SavedConfig(RenderedConfig? Config, bool IsKnown, bool IsConsumed)
{
    /// <summary>
    /// What ADD saved, as it counts rather than what the network's configuration says today. Where it is missing, torn,
    /// or of another network of the same pod, it is rendered again: better to release what is not there than to leak.
    /// </summary>
    /// <param name="saved">The scratch file; null: there is none.</param>
    /// <exception cref="CniException">Internal: it is torn, and the subnet file is missing.</exception>
    internal static SavedConfig Choose(byte[]? saved, NetConf conf, Func<SubnetEnv> loadSubnetEnv)
    {
        JsonMap? own = saved is null ? null : TryParse(saved);
        if (own is not null && own.Find("name")?.Text == conf.Name)
        {
            return new SavedConfig(new RenderedConfig(own, saved ?? []), IsKnown: true, IsConsumed: true);
        }

        bool isTorn = saved is not null && own is null;
        try
        {
            RenderedConfig again = new(DelegateConfig.Render(conf, loadSubnetEnv()));
            return new SavedConfig(again, IsKnown: false, IsConsumed: isTorn);
        }
        catch (CniException) when (!isTorn)
        {
            return new SavedConfig(Config: null, IsKnown: false, IsConsumed: false);
        }
    }

    /// <summary>Is a scratch file of this network? Null: it is torn, and nobody can say.</summary>
    internal static bool? BelongsTo(byte[] saved, string network) =>
        TryParse(saved) is JsonMap config ? config.Find("name")?.Text == network : null;

    /// <summary>Null: it is not a rendered configuration.</summary>
    private static JsonMap? TryParse(byte[] saved)
    {
        try
        {
            JsonMap config = JsonParser.ParseMap(saved);
            return config.Find("type") is { Kind: JsonKind.String } ? config : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi.Patches;

/// <summary>application/merge-patch+json: RFC 7396.</summary>
internal static class MergePatch
{
    /// <returns>A new tree; neither argument changes.</returns>
    internal static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject members)
        {
            return patch?.DeepClone();
        }

        JsonObject result = target is JsonObject ? (JsonObject)target.DeepClone() : [];
        foreach ((string name, JsonNode? value) in members)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = Apply(result[name], value);
            }
        }

        return result;
    }
}

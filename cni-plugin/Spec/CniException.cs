using FlannelCni.Plugin.Json;

namespace FlannelCni.Plugin.Spec;

/// <summary>What the runtime is told: an error document on standard output.</summary>
/// <param name="message"><c>msg</c>, one sentence.</param>
/// <param name="details">Left out when empty.</param>
internal sealed class CniException(CniErrorCode code, string message, string details = "") : Exception(message)
{
    internal CniErrorCode Code { get; } = code;

    internal string Details { get; } = details;

    /// <summary>The document. Upstream leaves <c>cniVersion</c> out of it; so does this.</summary>
    internal byte[] ToJson()
    {
        JsonMap error = JsonMap.Struct();
        error.Set("code", (int)Code);
        error.Set("msg", Message);
        error.SetUnlessEmpty("details", Details);
        return JsonPrinter.Indented(error);
    }
}

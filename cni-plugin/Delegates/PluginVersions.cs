using System.Text.Json;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>What another plugin answers to VERSION: SPEC.md, "VERSION".</summary>
internal static class PluginVersions
{
    /// <summary>The versions it supports; null: its answer says nothing that could be understood.</summary>
    /// <exception cref="CniException">Internal: no such plugin.</exception>
    internal static IReadOnlyList<string>? Ask(string type, CniEnvironment environment)
    {
        using PluginCall call = PluginProgram.Start(
            type, "VERSION", environment, """{"cniVersion":"1.1.0"}"""u8.ToArray(), lockDescriptor: null);
        try
        {
            return Read(call.Result());
        }
        catch (CniException e)
        {
            // From the time before there was this verb.
            return e.Message == "unknown CNI_COMMAND: VERSION" ? ["0.1.0"] : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Pure.</summary>
    /// <exception cref="JsonException">Not an answer.</exception>
    internal static IReadOnlyList<string>? Read(ReadOnlySpan<byte> answer)
    {
        JsonMap map = JsonParser.ParseMap(answer);
        List<string> versions = map.Texts("supportedVersions");
        return versions.Count > 0 ? versions
            : map.Text("cniVersion") == "0.2.0" ? ["0.1.0", "0.2.0"]
            : null;
    }
}

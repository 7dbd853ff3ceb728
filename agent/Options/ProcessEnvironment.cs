using System.Collections;

namespace FlannelCni.Agent.Options;

/// <summary>The variables this process was started with.</summary>
internal static class ProcessEnvironment
{
    public static IReadOnlyDictionary<string, string> Read() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(
            static variable => (string)variable.Key, static variable => (string?)variable.Value ?? "");
}

using System.Collections;

namespace FlannelCni.Linux.Processes;

/// <summary>The environment of this process, in the form a child is given.</summary>
public static class ProcessEnvironment
{
    /// <summary>NAME=VALUE each.</summary>
    public static IEnumerable<string> Variables()
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            yield return string.Concat((string)variable.Key, "=", (string?)variable.Value);
        }
    }
}

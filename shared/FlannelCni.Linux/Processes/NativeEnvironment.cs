using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Processes;

/// <summary>
/// The environment as C libraries in this process see it: what <see cref="Environment.SetEnvironmentVariable(string,
/// string?)"/> sets, they do not.
/// </summary>
public static class NativeEnvironment
{
    /// <summary>
    /// Runs something with variables set. Not while other threads may ask C libraries for what looks at variables.
    /// </summary>
    public static void RunWith(IReadOnlyList<string> names, string value, Action action)
    {
        string?[] before = [.. names.Select(Environment.GetEnvironmentVariable)];
        foreach (string name in names)
        {
            Set(name, value);
        }

        try
        {
            action();
        }
        finally
        {
            for (int i = 0; i < names.Count; i++)
            {
                Set(names[i], before[i]);
            }
        }
    }

    private static void Set(string name, string? value)
    {
        int result = value is null ? Libc.unsetenv(name) : Libc.setenv(name, value, overwrite: 1);
        if (result != 0)
        {
            throw new LinuxException($"set environment variable {name}", Libc.LastError);
        }
    }
}

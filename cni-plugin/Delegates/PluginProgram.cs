using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>Another plugin's executable, found as SPEC.md says: the first of CNI_PATH's folders that has it.</summary>
internal static class PluginProgram
{
    private const int MaxBusyRetries = 5;

    private static readonly TimeSpan s_busyPause = TimeSpan.FromSeconds(1);

    /// <summary>Starts it with this process's environment, but for the verb.</summary>
    /// <param name="input">Its standard input, of which it gets nothing before <see cref="PluginCall.Send"/>.</param>
    /// <param name="lockDescriptor">It inherits it, and so holds the attachment's lock when this process dies.</param>
    /// <exception cref="CniException">Internal: no such plugin.</exception>
    /// <exception cref="LinuxException">It cannot be executed.</exception>
    internal static PluginCall Start(
        string type, string verb, CniEnvironment environment, byte[] input, int? lockDescriptor)
    {
        string path = Find(type, environment.PluginFolders);
        List<string> variables = Variables(verb);
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new PluginCall(ChildProcess.Start(path, [], variables, input, lockDescriptor));
            }
            catch (LinuxException e) when (e.Errno == Errno.ETXTBSY && attempt < MaxBusyRetries)
            {
                // It is being replaced.
                Pause.For(s_busyPause);
            }
        }
    }

    /// <exception cref="CniException">Internal: there is none.</exception>
    internal static string Find(string type, IReadOnlyList<string> folders)
    {
        if (type.Length == 0)
        {
            throw new CniException(CniErrorCode.Internal, "no plugin name provided");
        }

        if (type.Contains('/'))
        {
            throw new CniException(CniErrorCode.Internal, $"invalid plugin name: {type}");
        }

        if (folders.Count == 0)
        {
            throw new CniException(CniErrorCode.Internal, "no paths provided");
        }

        foreach (string folder in folders)
        {
            string path = $"{folder}/{type}";
            if (RegularFile.Exists(path))
            {
                return path;
            }
        }

        throw new CniException(
            CniErrorCode.Internal, $"failed to find plugin \"{type}\" in path [{string.Join(' ', folders)}]");
    }

    private static List<string> Variables(string verb)
    {
        List<string> variables = [$"CNI_COMMAND={verb}"];
        foreach (string variable in ProcessEnvironment.Variables())
        {
            if (!variable.StartsWith("CNI_COMMAND=", StringComparison.Ordinal))
            {
                variables.Add(variable);
            }
        }

        return variables;
    }
}

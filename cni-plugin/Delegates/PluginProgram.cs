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

    /// <summary>Starts it with this process's environment, but for the verb and the attachment.</summary>
    /// <param name="environment">Of the call; <see cref="CniEnvironment.OnBehalfOf"/> makes it another one's.</param>
    /// <param name="input">Its standard input, of which it gets nothing before <see cref="PluginCall.Send"/>.</param>
    /// <param name="lockDescriptor">It inherits it, and so holds the attachment's lock when this process dies.</param>
    /// <exception cref="CniException">Internal: no such plugin.</exception>
    /// <exception cref="LinuxException">It cannot be executed.</exception>
    internal static PluginCall Start(
        string type, string verb, CniEnvironment environment, byte[] input, int? lockDescriptor)
    {
        string path = Find(type, environment.PluginFolders);
        List<string> variables = Variables(verb, environment);
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

    /// <summary>Runs it to its end, for what it prints.</summary>
    /// <exception cref="CniException">Its own error, or Internal: no such plugin.</exception>
    internal static byte[] Run(
        string type, string verb, CniEnvironment environment, byte[] input, int? lockDescriptor = null)
    {
        using PluginCall call = Start(type, verb, environment, input, lockDescriptor);
        return call.Result();
    }

    internal static bool IsInstalled(string type, CniEnvironment environment)
    {
        try
        {
            _ = Find(type, environment.PluginFolders);
            return true;
        }
        catch (CniException)
        {
            return false;
        }
    }

    /// <exception cref="CniException">Internal: there is none.</exception>
    internal static string Find(string type, IReadOnlyList<string> folders)
    {
        if (type.Length == 0)
        {
            throw new CniException(CniErrorCode.Internal, "no plugin name provided");
        }

        if (type.Contains('/') || type.Contains('\0'))
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

    private static List<string> Variables(string verb, CniEnvironment environment)
    {
        List<string> variables = [$"CNI_COMMAND={verb}"];
        bool isOthers = environment.IsOnBehalf;
        if (isOthers)
        {
            variables.Add($"CNI_CONTAINERID={environment.ContainerId}");
            variables.Add($"CNI_IFNAME={environment.IfName}");
        }

        foreach (string variable in ProcessEnvironment.Variables())
        {
            bool isReplaced = HasName(variable, "CNI_COMMAND=") || (isOthers
                && (HasName(variable, "CNI_CONTAINERID=") || HasName(variable, "CNI_IFNAME=")
                    || HasName(variable, "CNI_NETNS=") || HasName(variable, "CNI_ARGS=")));
            if (!isReplaced)
            {
                variables.Add(variable);
            }
        }

        return variables;
    }

    private static bool HasName(string variable, string name) => variable.StartsWith(name, StringComparison.Ordinal);
}

using FlannelCni.Agent.Supervision;
using FlannelCni.Linux.Files;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Installation;

/// <summary>
/// The container runtime's folder of plugins. <c>flannel</c> there is ours; every other name is somebody else's, and is
/// added only where nobody has.
/// </summary>
/// <param name="from">Folder of the plugins that come with this agent.</param>
/// <param name="to">The runtime's.</param>
internal sealed partial class PluginFolder(string from, string to, ILogger logger)
{
    private const string Flannel = "flannel";

    /// <summary>Replaces flannel where it is another version, adds what is missing.</summary>
    /// <exception cref="AgentFatalException">This agent comes without plugins.</exception>
    /// <exception cref="Linux.LinuxException">ENOSPC, EROFS, EACCES: nothing half is left.</exception>
    internal void Install()
    {
        string[] names = [.. Carried()];
        if (!names.Contains(Flannel))
        {
            throw new AgentFatalException($"there is no plugin {from}/{Flannel} to install: is this the right image?");
        }

        Folder.Ensure(to, 0b111_101_101);
        using FolderLock alone = FolderLock.Acquire(to);
        foreach (string name in names)
        {
            string path = $"{to}/{name}";
            if (name == Flannel ? ProgramFile.Ensure($"{from}/{name}", path) : Add(name))
            {
                Log.Installed(logger, path);
            }
            else if (name == Flannel)
            {
                Log.UpToDate(logger, path);
            }
            else
            {
                Log.LeftAlone(logger, path);
            }
        }
    }

    /// <summary>Adds what is missing, flannel too; another version of it stays.</summary>
    /// <exception cref="Linux.LinuxException">ENOENT: the folder is gone. ENOSPC, EROFS, EACCES.</exception>
    internal void PutBack()
    {
        string[] missing = [.. Carried().Where(name => !File.Exists($"{to}/{name}"))];
        if (missing.Length == 0)
        {
            return;
        }

        using FolderLock alone = FolderLock.Acquire(to);
        foreach (string name in missing.Where(Add))
        {
            Log.PutBack(logger, $"{to}/{name}");
        }
    }

    private bool Add(string name) => ProgramFile.AddIfAbsent($"{from}/{name}", $"{to}/{name}");

    private IEnumerable<string> Carried() => Directory.Exists(from)
        ? Directory.EnumerateFiles(from).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal)
        : [];

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Plugin {Path} installed")]
        internal static partial void Installed(ILogger logger, string path);

        [LoggerMessage(LogLevel.Information, "Plugin {Path} is up to date")]
        internal static partial void UpToDate(ILogger logger, string path);

        [LoggerMessage(LogLevel.Information, "Plugin {Path} is there already and stays as it is")]
        internal static partial void LeftAlone(ILogger logger, string path);

        [LoggerMessage(LogLevel.Warning, "Plugin {Path} had vanished and is installed again")]
        internal static partial void PutBack(ILogger logger, string path);
    }
}

using FlannelCni.Agent.Logging;
using FlannelCni.Agent.Options;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Installation;

/// <summary><c>flanneld install-cni</c>: what the init container runs.</summary>
internal static partial class InstallCommand
{
    internal const string Name = "install-cni";
    private const string Command = "flanneld " + Name;

    private static readonly Flag s_pluginsFrom = Path(
        "cni-plugins", InstallOptions.Default.PluginsFrom, "folder of the plugins to install");

    private static readonly Flag s_pluginsTo = Path(
        "cni-bin-dir", InstallOptions.Default.PluginsTo, "folder in which the container runtime looks for plugins");

    private static readonly Flag s_configFrom = Path(
        "cni-conf", InstallOptions.Default.ConfigFrom, "list of plugins to install as configuration");

    private static readonly Flag s_configTo = Path(
        "cni-conf-file", InstallOptions.Default.ConfigTo, "configuration file of the container runtime");

    private static readonly Flag[] s_flags = [s_pluginsFrom, s_pluginsTo, s_configFrom, s_configTo];

    /// <param name="arguments">Those after the command's name.</param>
    /// <param name="stderr">For help, and mistakes on the command line.</param>
    /// <param name="log">Gets the log.</param>
    /// <returns>0: all is installed; 1: somebody must act.</returns>
    internal static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter stderr, Stream log)
    {
        GoArguments given = GoArguments.Read(
            arguments, static name => Array.Find(s_flags, flag => flag.Name == name), Command);
        if (given.WantsHelp)
        {
            FlagHelp.Write(
                stderr, Command, "Installs the CNI plugins and their configuration on this node, and exits.", s_flags);
            return 0;
        }

        FlagValues values = new(given, new Dictionary<string, string>());
        InstallOptions options = new(
            values.Path(s_pluginsFrom), values.Path(s_pluginsTo), values.Path(s_configFrom), values.Path(s_configTo));
        if ((given.Error ?? (values.Errors.Count > 0 ? values.Errors[0] : null)) is { } error)
        {
            stderr.WriteLine($"{Command}: {error}");
            stderr.WriteLine($"{Command}: --help lists the flags");
            return 1;
        }

        using KlogLoggerFactory loggers = new(
            LogLevel.Information, new LogWriter(log, TimeProvider.System), TimeProvider.System);
        ILogger logger = loggers.CreateLogger(Name);
        using StopSignal stop = new();
        try
        {
            await new CniInstaller(options, TimeProvider.System, logger).InstallAsync(stop.Token);
            return 0;
        }
        catch (AgentFatalException e)
        {
            Log.Fatal(logger, e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Log.Fatal(logger, "stopped by a signal before all was installed");
            return 1;
        }
    }

    private static Flag Path(string name, string defaultPath, string help) =>
        new(name, FlagKind.Text, defaultPath, help);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Critical, "{Reason}")]
        internal static partial void Fatal(ILogger logger, string reason);
    }
}

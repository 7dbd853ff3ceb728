using System.CommandLine;
using FlannelCni.Agent.Logging;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Installation;

/// <summary><c>flanneld install-cni</c>: what the init container runs.</summary>
internal static partial class InstallCommand
{
    internal const string Name = "install-cni";

    private static readonly Option<string> s_pluginsFrom = PathOption(
        "--cni-plugins", InstallOptions.Default.PluginsFrom, "folder of the plugins to install");

    private static readonly Option<string> s_pluginsTo = PathOption(
        "--cni-bin-dir", InstallOptions.Default.PluginsTo, "folder in which the container runtime looks for plugins");

    private static readonly Option<string> s_configFrom = PathOption(
        "--cni-conf", InstallOptions.Default.ConfigFrom, "list of plugins to install as configuration");

    private static readonly Option<string> s_configTo = PathOption(
        "--cni-conf-file", InstallOptions.Default.ConfigTo, "configuration file of the container runtime");

    /// <summary>For the parser, and for the agent's <c>--help</c>.</summary>
    internal static Command Describe()
    {
        Command command = new(Name, "Install the CNI plugins and their configuration on this node, and exit.");
        command.Options.Add(s_pluginsFrom);
        command.Options.Add(s_pluginsTo);
        command.Options.Add(s_configFrom);
        command.Options.Add(s_configTo);
        return command;
    }

    /// <param name="arguments">Those after the command's name.</param>
    /// <param name="stderr">For help, and mistakes on the command line.</param>
    /// <param name="log">Gets the log.</param>
    /// <returns>0: all is installed; 1: somebody must act.</returns>
    internal static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter stderr, Stream log)
    {
        RootCommand root = new() { Describe() };
        ParseResult result = root.Parse(
            [Name, .. arguments],
            new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        if (result.Errors.Count > 0)
        {
            stderr.WriteLine($"flanneld {Name}: {string.Join("; ", result.Errors.Select(static e => e.Message))}");
            stderr.WriteLine($"flanneld {Name}: --help lists the options");
            return 1;
        }

        if (result.Action is not null)    // help
        {
            return await result.InvokeAsync(new InvocationConfiguration { Output = stderr, Error = stderr });
        }

        InstallOptions options = new(
            result.GetRequiredValue(s_pluginsFrom),
            result.GetRequiredValue(s_pluginsTo),
            result.GetRequiredValue(s_configFrom),
            result.GetRequiredValue(s_configTo));
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

    private static Option<string> PathOption(string name, string defaultPath, string help)
    {
        Option<string> option = new(name)
        {
            Description = help,
            HelpName = "path",
            DefaultValueFactory = _ => defaultPath,
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is not { Length: > 0 })
            {
                result.AddError($"{name} is empty");
            }
        });
        return option;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Critical, "{Reason}")]
        internal static partial void Fatal(ILogger logger, string reason);
    }
}

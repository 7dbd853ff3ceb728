using FlannelCni.Agent.Installation;
using FlannelCni.Agent.Logging;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Options;
using FlannelCni.Agent.Supervision;
using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>What surrounds the agent in its process: options, log, signals, the lock, probes, the exit code.</summary>
internal static partial class Launcher
{
    /// <param name="stderr">For what is said before there is a log.</param>
    /// <param name="log">Gets the log.</param>
    /// <param name="agent">Ends only with the token.</param>
    /// <returns>0: ended by a signal, or nothing to run; 1: somebody must act; 2: a fault of our own.</returns>
    internal static async Task<int> RunAsync(
        string[] args, TextWriter stderr, Stream log, Func<AgentContext, CancellationToken, Task> agent)
    {
        IReadOnlyDictionary<string, string> variables = ProcessEnvironment.Read();
        if (!CommandLine.TryRead(
            args, variables, FlannelVersion.Text, stderr, out AgentOptions? options, out int exitCode))
        {
            return exitCode;
        }

        TimeProvider time = TimeProvider.System;
        using KlogLoggerFactory loggers = new(options.LogLevel, new LogWriter(log, time), time);
        ILogger logger = loggers.CreateLogger("flanneld");
        using StopSignal stop = new();
        try
        {
            Log.Started(logger, FlannelVersion.Text, options.ToString());
            foreach (string warning in options.Warnings)
            {
                Log.Warned(logger, warning);
            }

            AgentPaths paths = AgentPaths.For(options.SubnetFile);
            using FileLock alone = paths.Take();
            using AgentMetrics metrics = new(FlannelVersion.Text);
            AgentHealth health = new(time);
            AgentContext context = new(options, variables, paths, health, metrics, time, loggers, logger);
            List<(string Name, Func<CancellationToken, Task> Run)> loops =
            [
                // From the very start, so that whoever asks learns what is being waited for.
                ("health server", token => health.ServeAsync(options, metrics, logger, token)),
                ("agent", token => agent(context, token)),
            ];
            if (options.CniBinDir is { } plugins)
            {
                loops.Add(("plugin keeper", PluginKeeper.For(plugins, options.CniPlugins, time, loggers).RunAsync));
            }

            await Supervised.RunAllAsync(loops, stop.Token);
            Log.Stopped(logger);
            return 0;
        }
        catch (Exception e) when (e is AgentFatalException or LinuxException)
        {
            Log.Fatal(logger, e.Message);
            return 1;
        }
        catch (OutOfMemoryException)
        {
            Log.NoMemory(logger, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20);
            return 1;
        }
        catch (Exception e)
        {
            Log.Crashed(logger, e);
            return 2;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "flanneld {Version} started with {Options}")]
        internal static partial void Started(ILogger logger, string version, string options);

        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        internal static partial void Warned(ILogger logger, string warning);

        [LoggerMessage(LogLevel.Information, "Stopped; devices, routes and leases stay as they are")]
        internal static partial void Stopped(ILogger logger);

        [LoggerMessage(LogLevel.Critical, "{Reason}")]
        internal static partial void Fatal(ILogger logger, string reason);

        [LoggerMessage(
            LogLevel.Critical,
            "Not enough memory: of what the container or this machine has, flanneld may take {Limit} MiB for itself: "
            + "raise the limit, resources.limits.memory in the manifest")]
        internal static partial void NoMemory(ILogger logger, long limit);

        [LoggerMessage(LogLevel.Critical, "A fault of flanneld itself, please report it")]
        internal static partial void Crashed(ILogger logger, Exception fault);
    }
}

/// <summary>What the agent is started with.</summary>
/// <param name="Variables">Of the environment.</param>
/// <param name="Loggers">For classes that say what they do.</param>
/// <param name="Logger">For what the agent itself says.</param>
internal sealed record AgentContext(
    AgentOptions Options,
    IReadOnlyDictionary<string, string> Variables,
    AgentPaths Paths,
    AgentHealth Health,
    AgentMetrics Metrics,
    TimeProvider Time,
    ILoggerFactory Loggers,
    ILogger Logger);

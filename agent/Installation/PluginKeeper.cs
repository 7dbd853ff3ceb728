using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Installation;

/// <summary>
/// Puts a plugin back that vanishes while the agent runs, as when a package that owned it is upgraded. Sleeps until
/// inotify says that something is gone from the folder.
/// </summary>
/// <param name="folder">The container runtime's.</param>
internal sealed partial class PluginKeeper(PluginFolder plugins, string folder, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(30);

    internal static PluginKeeper For(string folder, string from, TimeProvider time, ILoggerFactory loggers)
    {
        ILogger logger = loggers.CreateLogger<PluginKeeper>();
        return new PluginKeeper(new PluginFolder(from, folder, logger), folder, time, logger);
    }

    /// <summary>Ends only with the token.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        string? said = null;
        while (true)
        {
            try
            {
                await KeepAsync(cancellationToken);
            }
            catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
            {
                // A full disk or a folder that is gone: neither is announced when it ends.
                if (said != e.Message)
                {
                    Log.Waits(logger, folder, s_pause.TotalSeconds, e.Message);
                    said = e.Message;
                }

                await Task.Delay(s_pause, time, cancellationToken);
            }
        }
    }

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        using DeletionMonitor monitor = DeletionMonitor.Open(folder);
        while (true)
        {
            plugins.PutBack();
            await monitor.WaitAsync(cancellationToken);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            LogLevel.Warning,
            "The plugins in {Folder} cannot be kept, trying again every {Seconds} s: {Reason}")]
        internal static partial void Waits(ILogger logger, string folder, double seconds, string reason);
    }
}

using System.Collections.Immutable;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Installation;

/// <summary>
/// Makes a node's container runtime use flannel: plugins first, then the configuration that names them. Each file is
/// the old or the new one at every moment; a second run changes nothing.
/// </summary>
internal sealed partial class CniInstaller(InstallOptions options, TimeProvider time, ILogger logger)
{
    private const UnixFileMode Readable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <exception cref="AgentFatalException">The configuration is wrong, or a file cannot be put in place.</exception>
    internal async Task InstallAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Before any side effect: with a wrong configuration everything stays as it is.
            byte[] content = RawFile.ReadAllBytes(options.ConfigFrom);
            NetworkList list = NetworkList.Read(content);

            new PluginFolder(options.PluginsFrom, options.PluginsTo, logger).Install();
            WriteConfig(await WithVersionsAsync(content, list, cancellationToken));
            foreach (string path in OtherConfigs.Before(options.ConfigTo))
            {
                Report(path);
            }
        }
        catch (FormatException e)
        {
            throw new AgentFatalException($"{options.ConfigFrom}: {e.Message}", e);
        }
        catch (LinuxException e) when (e.Errno is Errno.EACCES or Errno.EPERM)
        {
            throw new AgentFatalException(
                $"{e.Message}; the folder must belong to root, or the container needs CAP_DAC_OVERRIDE; "
                + "under SELinux also a type that may write there, such as spc_t",
                e);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            throw new AgentFatalException(e.Message, e);
        }
    }

    private async Task<byte[]> WithVersionsAsync(byte[] content, NetworkList list, CancellationToken cancellationToken)
    {
        PluginVersions installed = new(options.PluginsTo, time);
        List<ImmutableArray<string>> supported = [];
        foreach (string plugin in list.Plugins)
        {
            try
            {
                supported.Add(await installed.AskAsync(plugin, list.CniVersion, cancellationToken));
            }
            catch (PluginVersionException e)
            {
                Log.Unknown(logger, plugin, options.ConfigFrom, e.Message);
                return content;
            }
        }

        VersionPlan plan = VersionPlan.Make(list.CniVersion, list.CniVersions, supported);
        if (plan.Warning is not null)
        {
            Log.Versions(logger, options.ConfigFrom, plan.Warning);
        }

        bool isAsGiven = plan.Version == list.CniVersion && plan.Versions.SequenceEqual(list.CniVersions ?? []);
        return isAsGiven ? content : NetworkList.WithVersions(content, plan.Version, plan.Versions);
    }

    private void WriteConfig(byte[] content)
    {
        Folder.Ensure(options.ConfigFolder, 0b111_101_101);
        if (RawFile.ReadAllBytesIfPresent(options.ConfigTo) is { } present && present.AsSpan().SequenceEqual(content))
        {
            Log.ConfigUpToDate(logger, options.ConfigTo);
            return;
        }

        AtomicFile.Write(options.ConfigTo, content, Readable, durable: true);
        Log.ConfigWritten(logger, options.ConfigTo);
    }

    /// <summary>After ours is there, so that there is a configuration at every moment.</summary>
    private void Report(string before)
    {
        if (OtherConfigs.IsOldFlannel(before, options.ConfigTo))
        {
            string aside = $"{before}.replaced";
            File.Move(before, aside, overwrite: true);
            Log.OldMoved(logger, before, aside);
        }
        else
        {
            Log.SortsBefore(logger, before, options.ConfigTo, OtherConfigs.Describe(before));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Configuration {Path} written")]
        internal static partial void ConfigWritten(ILogger logger, string path);

        [LoggerMessage(LogLevel.Information, "Configuration {Path} is up to date")]
        internal static partial void ConfigUpToDate(ILogger logger, string path);

        [LoggerMessage(
            LogLevel.Warning,
            "Plugin {Plugin}, which {Config} needs, may not work, and cniVersions stays as it is: {Reason}")]
        internal static partial void Unknown(ILogger logger, string plugin, string config, string reason);

        [LoggerMessage(LogLevel.Warning, "Configuration {Config}: {Warning}")]
        internal static partial void Versions(ILogger logger, string config, string warning);

        [LoggerMessage(
            LogLevel.Warning,
            "Configuration {Other} sorts before {Ours}: container runtimes use {Description}, and not flannel. "
            + "Remove it unless it is meant to be first")]
        internal static partial void SortsBefore(ILogger logger, string other, string ours, string description);

        [LoggerMessage(
            LogLevel.Warning, "Configuration {Old} of an older flannel would be used instead and is now {Aside}")]
        internal static partial void OldMoved(ILogger logger, string old, string aside);
    }
}

using System.Text.Json;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>ADD and DEL of a delegate that is not the bridge: its executable does the work.</summary>
internal sealed class DelegateCommand(RenderedConfig config, CniEnvironment environment, int? lockDescriptor)
{
    /// <returns>Its result, in its own version and this program's shape.</returns>
    internal byte[] Add(IScratch scratch, Action<string> warn)
    {
        using Rollback rollback = new(warn);

        // Before any side effect: a DEL must find it even when this process dies half way.
        scratch.Save(config.Bytes, rollback);
        using PluginCall call = Start("ADD");
        rollback.Add($"delete by {config.Type}", () => Delete(isKnown: true));
        try
        {
            CniResult result = ResultReader.Read(call.Result(), config.Version, out string resultVersion);
            byte[] printed = ResultPrinter.Print(result, resultVersion);
            rollback.Commit();
            return printed;
        }
        catch (JsonException e)
        {
            throw new CniException(
                CniErrorCode.Internal, $"failed to delegate add: the result of {config.Type}: {e.Message}");
        }
    }

    /// <param name="isKnown">
    /// As of <see cref="DelCommand.Run"/>: if not, a plugin that is not installed keeps no pod from ending.
    /// </param>
    internal void Delete(bool isKnown)
    {
        try
        {
            using PluginCall call = Start("DEL");
            _ = call.Result();
        }
        catch (CniException e) when (!isKnown && !PluginProgram.IsInstalled(config.Type, environment))
        {
            StandardError.Say($"delete by {config.Type}: {e.Message}");
        }
    }

    private PluginCall Start(string verb)
    {
        try
        {
            return PluginProgram.Start(config.Type, verb, environment, config.Bytes, lockDescriptor);
        }
        catch (CniException e) when (verb == "ADD")
        {
            throw new CniException(e.Code, $"failed to delegate add: {e.Message}", e.Details);
        }
    }
}

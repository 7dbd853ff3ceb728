using System.Text.Json;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>ADD and DEL of a delegate that is not the bridge: its executable does the work.</summary>
internal sealed class DelegateCommand(string type, CniEnvironment environment, int? lockDescriptor)
{
    /// <returns>Its result, in its own version and this program's shape.</returns>
    internal byte[] Add(byte[] config, string version, IScratch scratch, Action<string> warn)
    {
        using Rollback rollback = new(warn);

        // Before any side effect: a DEL must find it even when this process dies half way.
        scratch.Save(config, rollback);
        using PluginCall call = Start("ADD", config);
        rollback.Add($"delete by {type}", () => Delete(config));
        try
        {
            CniResult result = ResultReader.Read(call.Result(), version, out string resultVersion);
            byte[] printed = ResultPrinter.Print(result, resultVersion);
            rollback.Commit();
            return printed;
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to delegate add: the result of {type}: {e.Message}");
        }
    }

    internal void Delete(byte[] config)
    {
        using PluginCall call = Start("DEL", config);
        _ = call.Result();
    }

    private PluginCall Start(string verb, byte[] config)
    {
        try
        {
            return PluginProgram.Start(type, verb, environment, config, lockDescriptor);
        }
        catch (CniException e) when (verb == "ADD")
        {
            throw new CniException(e.Code, $"failed to delegate add: {e.Message}", e.Details);
        }
    }
}

using System.Text;
using System.Text.Json;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Delegates;

/// <summary>
/// A plugin at work. One that has been sent its input is never killed: killed in the middle it may leave a reservation
/// that nobody can release.
/// </summary>
internal sealed class PluginCall(ChildProcess child) : IDisposable
{
    private bool _isSent;
    private bool _hasEnded;

    /// <summary>Gives it its input, as far as the pipe takes it at once, and returns while it works.</summary>
    internal void Send()
    {
        _isSent = true;
        child.Send();
    }

    /// <summary>
    /// Its result as soon as it has printed one, for the end of a program with threads takes a while. It counts only
    /// once <see cref="Result"/> has said that it succeeded.
    /// </summary>
    /// <exception cref="CniException">As of <see cref="Result"/>.</exception>
    internal byte[] EarlyResult()
    {
        _isSent = true;
        return child.WaitForOutput(IsWhole) ?? Result();
    }

    /// <summary>Its standard output, once it has succeeded. Its standard error goes to ours either way.</summary>
    /// <exception cref="CniException">Its own error, or Unknown where it left none that could be read.</exception>
    internal byte[] Result()
    {
        _isSent = true;
        ChildResult result = child.Wait();
        _hasEnded = true;
        StandardError.Pass(result.Error);
        return result.ExitStatus == 0 ? result.Output : throw Error(result);
    }

    public void Dispose()
    {
        if (_isSent && !_hasEnded)
        {
            _ = child.Wait();
        }

        child.Dispose();
    }

    /// <summary>A whole document, and not an error's.</summary>
    private static bool IsWhole(byte[] output)
    {
        // Long ones come in pieces, and to read each time from the start takes its time.
        if (output.AsSpan().TrimEnd(" \t\r\n"u8) is not [.., (byte)'}'])
        {
            return false;
        }

        try
        {
            return !JsonParser.ParseMap(output).Has("code");
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The error that a failed plugin's output says, or what can be said without.</summary>
    internal static CniException Error(ChildResult result)
    {
        if (result.Output.Length == 0)
        {
            string said = Encoding.UTF8.GetString(result.Error).TrimEnd('\n');
            return new CniException(CniErrorCode.Unknown, said.Length == 0
                ? $"netplugin failed with no error message: exit status {result.ExitStatus}"
                : $"netplugin failed: \"{said}\": exit status {result.ExitStatus}");
        }

        try
        {
            JsonMap error = JsonParser.ParseMap(result.Output);
            return new CniException(
                (CniErrorCode)(error.Integer("code") ?? 0), error.Text("msg"), error.Text("details"));
        }
        catch (JsonException e)
        {
            string output = Encoding.UTF8.GetString(result.Output);
            return new CniException(
                CniErrorCode.Unknown,
                $"netplugin failed but error parsing its diagnostic message \"{output}\": {e.Message}");
        }
    }
}

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using FlannelCni.Linux;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Agent.Installation;

/// <summary>Which versions of the protocol an installed plugin supports: its own answer to VERSION.</summary>
internal sealed class PluginVersions(string folder, TimeProvider time)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Executes the plugin.</summary>
    /// <param name="cniVersion">Of the question.</param>
    /// <exception cref="PluginVersionException">No answer that can be read.</exception>
    internal async Task<ImmutableArray<string>> AskAsync(
        string plugin, string cniVersion, CancellationToken cancellationToken)
    {
        string path = $"{folder}/{plugin}";
        byte[] question = Encoding.UTF8.GetBytes($"{{\"cniVersion\":\"{cniVersion}\"}}");
        using CancellationTokenSource patience = new(s_patience, time);
        using CancellationTokenSource ending =
            CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using ChildProcess child = ChildProcess.Start(
                path, [], ["CNI_COMMAND=VERSION", $"CNI_PATH={folder}"], question);
            ChildResult result = await child.WaitAsync(ending.Token);
            return Parse(result.Output);
        }
        catch (LinuxException e)
        {
            throw new PluginVersionException($"{path} cannot be executed: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PluginVersionException($"{path} does not answer within {s_patience.TotalSeconds} s");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new PluginVersionException($"{path} gives no answer to VERSION that can be read: {e.Message}");
        }
    }

    /// <summary>
    /// Pure. Plugins older than the list say 0.2.0, and mean 0.1.0 as well; older than VERSION itself, they say that
    /// they do not know it (SPEC.md 0.2.0).
    /// </summary>
    /// <exception cref="JsonException">No JSON.</exception>
    /// <exception cref="FormatException">JSON, but no answer to VERSION.</exception>
    internal static ImmutableArray<string> Parse(ReadOnlyMemory<byte> answer)
    {
        using JsonDocument document = JsonDocument.Parse(answer);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Object)
        {
            if (root.TryGetProperty("supportedVersions", out JsonElement list)
                && list.ValueKind == JsonValueKind.Array
                && list.GetArrayLength() > 0)
            {
                return [.. list.EnumerateArray().Select(static item => TextOf(item))];
            }

            if (root.TryGetProperty("cniVersion", out JsonElement version) && TextOf(version) == "0.2.0")
            {
                return ["0.1.0", "0.2.0"];
            }

            if (root.TryGetProperty("msg", out JsonElement message)
                && TextOf(message) == "unknown CNI_COMMAND: VERSION")
            {
                return ["0.1.0"];
            }
        }

        throw new FormatException("it names no versions");
    }

    private static string TextOf(JsonElement element) => element.ValueKind == JsonValueKind.String
        ? element.GetString() ?? ""
        : throw new FormatException("a version is no string");
}

/// <summary>Why a plugin's versions are not known.</summary>
internal sealed class PluginVersionException(string message) : Exception(message);

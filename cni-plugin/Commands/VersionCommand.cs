using System.Runtime.InteropServices;
using System.Text;
using FlannelCni.Contract;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>What this plugin is: for runtimes (VERSION), and for people who call it without a verb.</summary>
internal static class VersionCommand
{
    /// <summary>Answers VERSION: one line.</summary>
    internal static byte[] Run()
    {
        JsonMap answer = JsonMap.Struct();
        answer.Set("cniVersion", CniVersion.Newest);
        List<JsonValue> versions = [.. CniVersion.Supported.Select(static text => (JsonValue)text)];
        answer.Set("supportedVersions", versions);
        return [.. JsonPrinter.Compact(answer), (byte)'\n'];
    }

    /// <summary>Two lines for standard error.</summary>
    internal static byte[] About()
    {
        string architecture = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString(),
        };
        return Encoding.UTF8.GetBytes(
            $"CNI Plugin flannel version {FlannelVersion.Text} (linux/{architecture})\n"
            + $"CNI protocol versions supported: {string.Join(", ", CniVersion.Supported)}\n");
    }
}

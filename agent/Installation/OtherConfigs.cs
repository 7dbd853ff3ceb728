using System.Text.Json;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;

namespace FlannelCni.Agent.Installation;

/// <summary>
/// Configurations beside ours. Container runtimes take the file whose name sorts first, so that another one before ours
/// means pods that are not on this network at all.
/// </summary>
internal static class OtherConfigs
{
    private static readonly string[] s_endings = [".conf", ".conflist", ".json"];

    /// <summary>Paths that a runtime would take before <paramref name="ours"/>, the first one first.</summary>
    internal static IReadOnlyList<string> Before(string ours)
    {
        string folder = Path.GetDirectoryName(ours) is { Length: > 0 } parent ? parent : ".";
        return
        [
            .. Directory.EnumerateFiles(folder)
                .Where(static path => s_endings.Contains(Path.GetExtension(path)))
                .Select(static path => Path.GetFileName(path))
                .Where(name => string.CompareOrdinal(name, Path.GetFileName(ours)) < 0)
                .Order(StringComparer.Ordinal)
                .Select(name => $"{folder}/{name}"),
        ];
    }

    /// <summary>What it is, for a message: <c>network "mynet" of bridge, portmap</c>.</summary>
    internal static string Describe(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(RawFile.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            JsonElement[] plugins = root.TryGetProperty("plugins", out JsonElement list)
                ? [.. list.EnumerateArray()]
                : [root];
            string types = string.Join(", ", plugins.Select(static plugin => plugin.GetProperty("type").GetString()));
            return $"network \"{root.GetProperty("name").GetString()}\" of {types}";
        }
        catch (Exception e) when (
            e is JsonException or KeyNotFoundException or InvalidOperationException or LinuxException)
        {
            return "a file that cannot be read as a configuration, with which they may do nothing at all";
        }
    }

    /// <summary>
    /// Is it the form that flannel installed before there were lists of plugins, and that sorts before its list?
    /// </summary>
    /// <param name="path">One of <see cref="Before"/>.</param>
    internal static bool IsOldFlannel(string path, string ours)
    {
        if (path != Path.ChangeExtension(ours, ".conf"))
        {
            return false;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(RawFile.ReadAllBytes(path));
            return document.RootElement.TryGetProperty("type", out JsonElement type) && type.GetString() == "flannel";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or LinuxException)
        {
            return false;
        }
    }
}

using System.Text;
using FlannelCni.Agent.Installation;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Installation;

/// <summary>The folders of one node, and of the image that is installed from. Plugins are scripts.</summary>
internal sealed class InstallNode : IDisposable
{
    internal const string Config =
        """
        {
          "name": "cbr0",
          "cniVersion": "0.3.1",
          "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}},
            {"type": "portmap", "capabilities": {"portMappings": true}}
          ]
        }

        """;

    private readonly TestFolder _home = new();

    internal InstallNode()
    {
        foreach (string folder in (string[])["image", "bin", "net.d"])
        {
            Directory.CreateDirectory(_home.File(folder));
        }

        AddPlugin("image/flannel", "0.3.1", "0.4.0", "1.0.0", "1.1.0");
        AddPlugin("image/host-local", "0.3.1", "0.4.0", "1.0.0", "1.1.0");
        AddPlugin("image/portmap", "0.3.1", "0.4.0", "1.0.0");
        File.WriteAllText(PathOf("cni-conf.json"), Config);
    }

    /// <summary>All that was said so far.</summary>
    internal string Log { get; private set; } = "";

    internal string Installed => File.ReadAllText(PathOf("net.d/10-flannel.conflist"));

    internal string PathOf(string name) => _home.File(name);

    internal string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(PathOf(folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];

    /// <summary>A script that answers VERSION.</summary>
    internal void AddPlugin(string name, params string[] versions) => AddScript(
        name, $$"""echo '{"cniVersion": "1.0.0", "supportedVersions": ["{{string.Join("\", \"", versions)}}"]}'""");

    internal void AddScript(string name, string command)
    {
        File.WriteAllText(PathOf(name), $"#!/bin/sh\n{command}\n");
        File.SetUnixFileMode(PathOf(name), (UnixFileMode)0b111_101_101);
    }

    /// <returns>The exit code.</returns>
    internal async Task<int> InstallAsync()
    {
        using StringWriter stderr = new();
        using MemoryStream log = new();
        int exitCode = await InstallCommand.RunAsync(
            [
                "--cni-plugins", PathOf("image"), "--cni-bin-dir", PathOf("bin"),
                "--cni-conf", PathOf("cni-conf.json"), "--cni-conf-file", PathOf("net.d/10-flannel.conflist"),
            ],
            stderr,
            log);
        Log += stderr.ToString() + Encoding.UTF8.GetString(log.ToArray());
        return exitCode;
    }

    public void Dispose() => _home.Dispose();
}

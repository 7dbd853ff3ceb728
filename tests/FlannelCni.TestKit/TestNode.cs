using System.Globalization;
using System.Text.Json;
using FlannelCni.Linux;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Processes;
using FlannelCni.Linux.Rtnetlink;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>
/// A node for one test: an empty network namespace (only lo, down) without a name, and a socket in it. It is freed
/// when this object and the last child inside are gone. Needs CAP_SYS_ADMIN: root, or <c>unshare -Urn</c>.
/// </summary>
public sealed class TestNode : IDisposable
{
    private TestNode(NetNamespace network)
    {
        Namespace = network;
        Rtnl = network.Run(RtnlSocket.Open);
    }

    public NetNamespace Namespace { get; }

    /// <summary>A socket opened inside; use it from any thread, one at a time.</summary>
    public RtnlSocket Rtnl { get; }

    /// <summary>A path that other programs can open while this object lives: <c>/proc/PID/fd/N</c>.</summary>
    public string NamespacePath => string.Create(
        CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{Namespace.Descriptor}");

    /// <summary>Skips the test where namespaces cannot be made, unless CI is set: there it fails.</summary>
    public static TestNode Create()
    {
        try
        {
            return new TestNode(NetNamespace.Create());
        }
        catch (LinuxException e) when (Environment.GetEnvironmentVariable("CI") is null)
        {
            Assert.Skip($"cannot create a network namespace: {e.Message}");
            throw;
        }
    }

    /// <summary>Standard output of a command run inside, e.g. <c>ip link show flannel.1</c>.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its standard error.</exception>
    public string Shell(string command, string input = "") => TestKit.Shell.Output(command, Start(command, input));

    /// <summary>As <see cref="Shell"/>, parsed: <c>ip -json -details link show NAME</c>. No output is [].</summary>
    public JsonElement ShellJson(string command)
    {
        string output = Shell(command);
        using JsonDocument document = JsonDocument.Parse(output.Trim().Length == 0 ? "[]" : output);
        return document.RootElement.Clone();
    }

    /// <summary>Starts a command inside; disposing of the result kills it, so start a server by <c>exec</c>.</summary>
    public ChildProcess Start(string command, string input = "") => TestKit.Shell.Start(
        "/usr/bin/nsenter", [$"--net={NamespacePath}", "/bin/sh", "-c", command], input);

    public void Dispose()
    {
        Rtnl.Dispose();
        Namespace.Dispose();
    }
}

using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.Linux.Processes;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>The real kubectl, with one kubeconfig and a home of its own.</summary>
public sealed class Kubectl(string kubeconfig) : IDisposable
{
    private const string Program = "/usr/bin/kubectl";

    private readonly TestFolder _home = new();

    /// <summary>What it prints. Arguments go through a shell.</summary>
    /// <param name="input">What it reads, as <c>apply -f -</c> does.</param>
    /// <exception cref="InvalidOperationException">It failed; the message has its standard error.</exception>
    public string Run(string arguments, string input = "") =>
        Shell.Output($"kubectl {arguments}", Start(arguments, input));

    /// <summary>As <see cref="Run"/>, parsed: <c>get node a -o json</c>.</summary>
    public JsonNode Json(string arguments, string input = "") => JsonNode.Parse(Run(arguments, input))!;

    /// <summary>Starts it; disposing of the result kills it.</summary>
    public ChildProcess Start(string arguments, string input = "")
    {
        if (!File.Exists(Program) && Environment.GetEnvironmentVariable("CI") is null)
        {
            Assert.Skip($"{Program} is not installed");
        }

        return ChildProcess.Start(
            "/bin/sh",
            ["-c", $"exec {Program} --kubeconfig={kubeconfig} {arguments}"],
            ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", $"HOME={_home.Path}"],
            Encoding.UTF8.GetBytes(input));
    }

    public void Dispose() => _home.Dispose();
}

using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>The machine's programs, run inside a node, with a lock of its own. Keeps what was run.</summary>
internal sealed class NodePrograms(TestNode node, TestFolder folder) : IPrograms
{
    private readonly HostPrograms _host = new(new Dictionary<string, string>
    {
        ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
        ["XTABLES_LOCKFILE"] = folder.File("xtables.lock"),
    });

    /// <summary>Names that this host does not have.</summary>
    internal List<string> Missing { get; } = [];

    /// <summary>Programs and their arguments, in order.</summary>
    internal List<string> Runs { get; } = [];

    public string? Find(string name) => Missing.Contains(name) ? null : _host.Find(name);

    public Task<ChildResult> RunAsync(
        string path, IReadOnlyList<string> arguments, byte[] input, CancellationToken cancellationToken)
    {
        Runs.Add(string.Join(' ', [Path.GetFileName(path), .. arguments]));
        return _host.RunAsync(
            "/usr/bin/nsenter", [$"--net={node.NamespacePath}", path, .. arguments], input, cancellationToken);
    }
}

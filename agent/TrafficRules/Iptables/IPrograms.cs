using FlannelCni.Linux.Processes;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>Programs of this host.</summary>
internal interface IPrograms
{
    /// <summary>The file that a name stands for; null: there is none.</summary>
    string? Find(string name);

    /// <summary>Runs one to its end; when cancelled, it is killed.</summary>
    Task<ChildResult> RunAsync(
        string path, IReadOnlyList<string> arguments, byte[] input, CancellationToken cancellationToken);
}

/// <summary>
/// Those in PATH. Of the agent's own variables they get that and what is theirs; none of its secrets.
/// </summary>
internal sealed class HostPrograms : IPrograms
{
    private readonly string[] _folders;
    private readonly string[] _environment;

    public HostPrograms(IReadOnlyDictionary<string, string> environment)
    {
        string path = environment.GetValueOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        _folders = path.Split(':', StringSplitOptions.RemoveEmptyEntries);
        _environment =
        [
            $"PATH={path}",
            .. environment
                .Where(static variable => variable.Key.StartsWith("XTABLES_", StringComparison.Ordinal))
                .Select(static variable => $"{variable.Key}={variable.Value}"),
        ];
    }

    public string? Find(string name) =>
        _folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    public async Task<ChildResult> RunAsync(
        string path, IReadOnlyList<string> arguments, byte[] input, CancellationToken cancellationToken)
    {
        using ChildProcess child = ChildProcess.Start(path, arguments, _environment, input);
        return await child.WaitAsync(cancellationToken);
    }
}

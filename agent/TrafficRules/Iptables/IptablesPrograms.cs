using System.Text;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>iptables or ip6tables in one of its variants.</summary>
/// <param name="Name">For messages: <c>ip6tables-nft</c>.</param>
internal sealed record IptablesPrograms(IPrograms Host, string Name, IptablesVersion Version)
{
    private string SavePath => Host.Find($"{Name}-save")!;          // both were found at the start

    private string RestorePath => Host.Find($"{Name}-restore")!;

    /// <summary>Finds a variant, and asks for its version.</summary>
    /// <param name="name"><c>iptables</c>, <c>iptables-nft</c>, <c>iptables-legacy</c> or one of ip6tables.</param>
    /// <returns>Null: it is not installed.</returns>
    internal static async Task<IptablesPrograms?> FindAsync(
        IPrograms host, string name, CancellationToken cancellationToken)
    {
        if (host.Find(name) is not { } path
            || host.Find($"{name}-save") is null
            || host.Find($"{name}-restore") is null)
        {
            return null;
        }

        ChildResult result = await host.RunAsync(path, ["--version"], [], cancellationToken);
        return result.ExitStatus == 0
            ? new IptablesPrograms(host, name, IptablesVersion.Parse(Encoding.UTF8.GetString(result.Output)))
            : throw Failure($"{name} --version", result);
    }

    /// <summary><c>iptables-save</c>, all tables.</summary>
    /// <exception cref="RulesException">It failed.</exception>
    internal async Task<byte[]> SaveAsync(CancellationToken cancellationToken)
    {
        ChildResult result = await Host.RunAsync(SavePath, [], [], cancellationToken);
        return result.ExitStatus == 0 ? result.Output : throw Failure($"{Name}-save", result);
    }

    /// <summary><c>iptables-restore --noflush</c>, waiting for whoever holds the lock.</summary>
    /// <exception cref="RulesException">It failed; of a table that it failed in nothing is changed.</exception>
    internal async Task RestoreAsync(string script, CancellationToken cancellationToken)
    {
        string[] arguments = Version.IsModern ? ["--noflush", "--wait"] : ["--noflush"];
        ChildResult result = await Host.RunAsync(
            RestorePath, arguments, Encoding.UTF8.GetBytes(script), cancellationToken);
        if (result.ExitStatus != 0)
        {
            throw Failure($"{Name}-restore", result);
        }
    }

    private static RulesException Failure(string command, ChildResult result)
    {
        string reason = Encoding.UTF8.GetString(result.Error).Trim().ReplaceLineEndings("; ");
        return new RulesException($"{command}: exit status {result.ExitStatus}: {reason}");
    }
}

using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>iptables or ip6tables of this host, run in the calling thread's network namespace.</summary>
internal static class IptablesPrograms
{
    // A runtime's environment may be as bare as it likes.
    private const string UsualPath = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

    /// <summary>The first of these that is in PATH; null: none is.</summary>
    internal static string? Find(params ReadOnlySpan<string> names)
    {
        string[] folders = $"{Environment.GetEnvironmentVariable("PATH")}:{UsualPath}".Split(':');
        foreach (string name in names)
        {
            foreach (string folder in folders)
            {
                if (folder.Length > 0 && RegularFile.Exists($"{folder}/{name}"))
                {
                    return $"{folder}/{name}";
                }
            }
        }

        return null;
    }

    /// <summary>Runs a script of iptables-restore beside what is there: each of its tables changes at once.</summary>
    /// <exception cref="CniException">Internal: it failed, and nothing was changed.</exception>
    internal static void Restore(string program, string script)
    {
        ChildResult result = Run(program, ["--noflush", "--wait"], script);
        if (result.ExitStatus != 0)
        {
            throw Failure(program, result);
        }
    }

    /// <summary><c>iptables -S CHAIN</c>; null: there is no such chain.</summary>
    /// <exception cref="CniException">Internal: it failed.</exception>
    internal static string? List(string program, string table, string chain)
    {
        const int NoSuchChain = 1;    // iptables(8): 2 are wrong arguments, 3 a wrong version, 4 the lock

        ChildResult result = Run(program, ["--wait", "-t", table, "-S", chain], "");
        return result.ExitStatus switch
        {
            0 => Encoding.UTF8.GetString(result.Output),
            NoSuchChain => null,
            _ => throw Failure(program, result),
        };
    }

    private static ChildResult Run(string program, string[] arguments, string input)
    {
        try
        {
            List<string> environment = [.. ProcessEnvironment.Variables()];
            using ChildProcess child = ChildProcess.Start(
                program, arguments, environment, Encoding.UTF8.GetBytes(input));
            return child.Wait();
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, e.Message);
        }
    }

    private static CniException Failure(string program, ChildResult result) => new(
        CniErrorCode.Internal,
        $"{program}: exit status {result.ExitStatus.ToString(provider: null)}: "
            + Encoding.UTF8.GetString(result.Error).Trim());
}

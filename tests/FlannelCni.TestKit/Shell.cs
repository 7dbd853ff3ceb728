using System.Globalization;
using System.Text;
using FlannelCni.Linux.Processes;

namespace FlannelCni.TestKit;

/// <summary>Commands for /bin/sh, with the tools of the machine and English messages.</summary>
public static class Shell
{
    /// <summary>Standard output of a command, run in the namespaces of this process.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its standard error.</exception>
    public static string Run(string command, string input = "") =>
        Output(command, Start("/bin/sh", ["-c", command], input));

    internal static ChildProcess Start(string path, IReadOnlyList<string> arguments, string input)
    {
        string? search = Environment.GetEnvironmentVariable("PATH");
        string[] environment = [$"PATH={search}:/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL=C", "HOME=/"];
        return ChildProcess.Start(path, arguments, environment, Encoding.UTF8.GetBytes(input));
    }

    internal static string Output(string command, ChildProcess child)
    {
        using (child)
        {
            ChildResult result = child.Wait();
            return result.ExitStatus == 0
                ? Encoding.UTF8.GetString(result.Output)
                : throw new InvalidOperationException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{command}: exit status {result.ExitStatus}: {Encoding.UTF8.GetString(result.Error).Trim()}"));
        }
    }
}

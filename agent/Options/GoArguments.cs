// Go's flag package reads a command line differently from getopt and from System.CommandLine:
// -name and --name are the same; a switch never takes the next word, every other flag always does, whatever that word
// looks like; there are no bundles, no response files, no "name:value"; the first word that is no flag, or "--", ends
// it.

namespace FlannelCni.Agent.Options;

/// <summary>
/// A command line in Go's syntax, rewritten so that it can be read in one way only: <c>--name=value</c>.
/// </summary>
/// <param name="Tokens">All of flags that exist.</param>
/// <param name="Error">Null: none. What comes after it is not in <paramref name="Tokens"/>.</param>
/// <param name="WantsHelp">It says <c>-h</c> or <c>--help</c> before any error.</param>
internal sealed record GoArguments(IReadOnlyList<string> Tokens, string? Error, bool WantsHelp)
{
    internal static GoArguments Read(IReadOnlyList<string> arguments, FlagTable flags)
    {
        List<string> tokens = [];
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (!IsFlag(argument))
            {
                return new GoArguments(tokens, Unexpected(arguments, i), false);
            }

            string body = argument[(argument.StartsWith("--", StringComparison.Ordinal) ? 2 : 1)..];
            int equals = body.IndexOf('=');
            string name = equals < 0 ? body : body[..equals];
            Flag? flag = flags.Find(name);
            if (flag is null)
            {
                return name is "h" or "help"
                    ? new GoArguments(tokens, null, true)
                    : new GoArguments(tokens, Unknown(name), false);
            }

            string? value = equals >= 0 ? body[(equals + 1)..] : flag.Kind == FlagKind.Switch ? "true" : null;
            if (value is null && ++i == arguments.Count)
            {
                return new GoArguments(tokens, $"--{name} needs a value", false);
            }

            // System.CommandLine drops the value of "--name=", but takes an empty word for one.
            value ??= arguments[i];
            tokens.AddRange(value.Length == 0 ? [$"--{name}", ""] : [$"--{name}={value}"]);
        }

        return new GoArguments(tokens, null, false);
    }

    private static bool IsFlag(string argument) => argument.Length > 1 && argument[0] == '-' && argument != "--";

    private static string Unknown(string name) => RemovedFlags.Advice(name) is { } advice
        ? $"--{name} is a flag of older versions: {advice}"
        : $"--{name} is no flag of flanneld";

    // Upstream ignores this word and all that follow it, so that "--ip-masq false" masquerades.
    private static string Unexpected(IReadOnlyList<string> arguments, int at) => at > 0 && arguments[at] != "--"
        ? $"\"{arguments[at]}\" after {arguments[at - 1]} is no flag: a value is given to a switch by --name=value"
        : $"\"{arguments[at]}\" is no flag";
}

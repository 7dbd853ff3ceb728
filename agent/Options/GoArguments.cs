// Go's flag package reads a command line differently from getopt, and from every library that follows getopt: -name and
// --name are the same; a switch never takes the next word, every other flag always does, whatever that word looks like;
// there are no bundles, no response files, no "name:value"; the first word that is no flag, or "--", ends it.

namespace FlannelCni.Agent.Options;

/// <summary>A command line in Go's syntax.</summary>
/// <param name="Texts">Of each flag that is given, its values in their order.</param>
/// <param name="Error">Null: none. What comes after it is not in <paramref name="Texts"/>.</param>
/// <param name="WantsHelp">It says <c>-h</c> or <c>--help</c> before any error.</param>
internal sealed record GoArguments(IReadOnlyDictionary<Flag, List<string>> Texts, string? Error, bool WantsHelp)
{
    /// <param name="find">The flag of that name; null: there is none.</param>
    /// <param name="command">Whose flags they are.</param>
    internal static GoArguments Read(
        IReadOnlyList<string> arguments, Func<string, Flag?> find, string command = "flanneld")
    {
        Dictionary<Flag, List<string>> texts = [];
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (!IsFlag(argument))
            {
                return new GoArguments(texts, Unexpected(arguments, i), false);
            }

            string body = argument[(argument.StartsWith("--", StringComparison.Ordinal) ? 2 : 1)..];
            int equals = body.IndexOf('=');
            string name = equals < 0 ? body : body[..equals];
            Flag? flag = find(name);
            if (flag is null)
            {
                return name is "h" or "help"
                    ? new GoArguments(texts, null, true)
                    : new GoArguments(texts, Unknown(name, command), false);
            }

            string? value = equals >= 0 ? body[(equals + 1)..] : flag.Kind == FlagKind.Switch ? "true" : null;
            if (value is null && ++i == arguments.Count)
            {
                return new GoArguments(texts, $"--{name} needs a value", false);
            }

            if (!texts.TryGetValue(flag, out List<string>? values))
            {
                texts.Add(flag, values = []);
            }

            values.Add(value ?? arguments[i]);
        }

        return new GoArguments(texts, null, false);
    }

    private static bool IsFlag(string argument) => argument.Length > 1 && argument[0] == '-' && argument != "--";

    private static string Unknown(string name, string command) => RemovedFlags.Advice(name) is { } advice
        ? $"--{name} is a flag of older versions: {advice}"
        : $"--{name} is no flag of {command}";

    // Upstream ignores this word and all that follow it, so that "--ip-masq false" masquerades.
    private static string Unexpected(IReadOnlyList<string> arguments, int at) => at > 0 && arguments[at] != "--"
        ? $"\"{arguments[at]}\" after {arguments[at - 1]} is no flag: a value is given to a switch by --name=value"
        : $"\"{arguments[at]}\" is no flag";
}

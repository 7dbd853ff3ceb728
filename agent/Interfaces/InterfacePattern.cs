// Upstream matches with RE2. Patterns for addresses and names mean the same here; RE2's own (?P<name>...), \C, \pN
// without braces and [[:alpha:]] do not. No subject has a newline, so `$` is the end in both.

using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace FlannelCni.Agent.Interfaces;

/// <summary>An unanchored expression over addresses and interface names, as users write it.</summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "a user's expression needs an engine; it is rarely used")]
internal sealed class InterfacePattern
{
    /// <summary>Against an expression that explodes.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly Regex _regex;

    private InterfacePattern(Regex regex) => _regex = regex;

    /// <param name="error">What is wrong with it, and where.</param>
    internal static bool TryParse(
        string text,
        [NotNullWhen(true)] out InterfacePattern? pattern,
        [NotNullWhen(false)] out string? error)
    {
        try
        {
            pattern = new InterfacePattern(new Regex(text, RegexOptions.CultureInvariant, s_patience));
            error = null;
            return true;
        }
        catch (ArgumentException e)
        {
            pattern = null;
            error = e.Message;
            return false;
        }
    }

    /// <summary>False also where it takes too long.</summary>
    internal bool Matches(string subject)
    {
        try
        {
            return _regex.IsMatch(subject);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }
}

using System.Collections.Immutable;
using System.Globalization;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Options;

/// <summary>
/// The flags' values: the command line's, else the environment's, else the defaults. What cannot be read goes to
/// <see cref="Errors"/> and leaves the default.
/// </summary>
internal sealed class FlagValues(GoArguments commandLine, IReadOnlyDictionary<string, string> environment)
{
    private readonly List<string> _errors = [];
    private readonly List<GivenFlag> _given = [];

    internal IReadOnlyList<string> Errors => _errors;

    /// <summary>Those asked for so far that were given, in the order of asking.</summary>
    internal IReadOnlyList<GivenFlag> Given => _given;

    /// <summary>Was it given, by either way? Its value is not looked at.</summary>
    internal bool IsGiven(Flag flag) => Texts(flag).Source is not null;

    internal string Text(Flag flag) => Single(flag, static text => text, flag.DefaultText, "");

    /// <summary>Null: not given, or given as empty.</summary>
    internal string? OptionalText(Flag flag) => Text(flag) is { Length: > 0 } text ? text : null;

    internal string Path(Flag flag) =>
        Single<string?>(flag, static text => text.Length > 0 ? text : null, flag.DefaultText, "a path")
        ?? flag.DefaultText;

    internal bool Switch(Flag flag) => Single(
        flag, ReadBoolean, ReadBoolean(flag.DefaultText) ?? false, "true or false") ?? false;

    internal int Number(Flag flag, int minimum, int maximum, string expected)
    {
        int defaultValue = int.Parse(flag.DefaultText, CultureInfo.InvariantCulture);
        return Single<int?>(flag, ReadNumber, defaultValue, expected) ?? defaultValue;

        int? ReadNumber(string text) =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            && value >= minimum && value <= maximum
                ? value
                : null;
    }

    /// <summary>None: not given, or given as empty.</summary>
    internal IpAddr Address(Flag flag, Func<IpAddr, bool> isFit, string expected)
    {
        IpAddr defaultValue = flag.DefaultText.Length == 0 ? default : IpAddr.Parse(flag.DefaultText);
        return Single<IpAddr?>(flag, ReadAddress, defaultValue, expected) ?? defaultValue;

        IpAddr? ReadAddress(string text) =>
            text.Length == 0 ? defaultValue
            : IpAddr.TryParse(text, out IpAddr address) && isFit(address) ? address
            : null;
    }

    /// <summary>The occurrences of a repeatable flag; of the environment there is one at most.</summary>
    internal ImmutableArray<string> List(Flag flag)
    {
        (IReadOnlyList<string> texts, string? source) = Texts(flag);
        if (source is not null)
        {
            _given.AddRange(texts.Select(text => new GivenFlag(flag, text, source)));
        }

        return [.. texts];
    }

    /// <summary>
    /// The networks of a repeatable flag, each occurrence one or several with commas; host bits cleared.
    /// </summary>
    internal ImmutableArray<IpPrefix> Prefixes(Flag flag)
    {
        ImmutableArray<IpPrefix>.Builder prefixes = ImmutableArray.CreateBuilder<IpPrefix>();
        foreach (string text in List(flag))
        {
            foreach (string word in text.Split(
                ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (IpPrefix.TryParse(word, out IpPrefix prefix))
                {
                    prefixes.Add(prefix.Masked);
                }
                else
                {
                    _errors.Add($"{_given[^1].Source}: \"{word}\" is not a network such as 172.16.0.0/12");
                }
            }
        }

        return prefixes.ToImmutable();
    }

    /// <summary>Go's strconv.ParseBool; null: it would refuse.</summary>
    internal static bool? ReadBoolean(string text) => text switch
    {
        "1" or "t" or "T" or "TRUE" or "true" or "True" => true,
        "0" or "f" or "F" or "FALSE" or "false" or "False" => false,
        _ => null,
    };

    // The last occurrence wins, as in Go.
    private T Single<T>(Flag flag, Func<string, T> read, T defaultValue, string expected)
    {
        (IReadOnlyList<string> texts, string? source) = Texts(flag);
        if (source is null)
        {
            return defaultValue;
        }

        string text = texts[^1];
        T value = read(text);
        if (value is null)
        {
            _errors.Add($"{source}: \"{text}\" is not {expected}");
            return defaultValue;
        }

        _given.Add(new GivenFlag(flag, text, source));
        return value;
    }

    private (IReadOnlyList<string> Texts, string? Source) Texts(Flag flag)
    {
        if (commandLine.Texts.TryGetValue(flag, out List<string>? texts))
        {
            return (texts, "--" + flag.Name);
        }

        return environment.GetValueOrDefault(flag.Variable) is { Length: > 0 } text
            ? ([text], flag.Variable)
            : ([], null);
    }
}

/// <summary>A flag that somebody set.</summary>
/// <param name="Source">As it was set: <c>--iface</c> or <c>FLANNELD_IFACE</c>.</param>
internal sealed record GivenFlag(Flag Flag, string Text, string Source)
{
    /// <summary><c>--iface=eth0</c>, without what nobody else may see.</summary>
    public override string ToString() => $"--{Flag.Name}={(Flag.IsSecret ? "<secret>" : WithoutUserInfo(Text))}";

    // http://user:password@host: all between "//" and the last "@" before the path.
    private static string WithoutUserInfo(string text)
    {
        int at = text.IndexOf('@');
        int slashes = text.IndexOf("//", StringComparison.Ordinal);
        if (at < 0 || slashes < 0)
        {
            return text;
        }

        return string.Join(',', text.Split(',').Select(static url =>
        {
            int start = url.IndexOf("//", StringComparison.Ordinal);
            int end = start < 0 ? -1 : url.LastIndexOf('@');
            return end > start && start >= 0 ? $"{url[..(start + 2)]}<secret>{url[end..]}" : url;
        }));
    }
}

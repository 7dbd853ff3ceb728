namespace FlannelCni.Agent.Options;

/// <summary>What the text of a flag must be.</summary>
internal enum FlagKind
{
    Text,

    /// <summary>Go's boolean: bare, or <c>=true</c>; never a word of its own.</summary>
    Switch,

    Number,

    /// <summary>Text; each further occurrence adds one.</summary>
    Repeatable,
}

/// <summary>One flag, <c>--name</c>, and its twin in the environment, <c>FLANNELD_NAME</c>.</summary>
internal sealed class Flag
{
    internal Flag(string name, FlagKind kind, string defaultText, string help)
    {
        Name = name;
        Kind = kind;
        DefaultText = defaultText;
        Variable = VariablePrefix + name.ToUpperInvariant().Replace('-', '_');
        Help = defaultText.Length == 0 ? help : $"{help} [default: {defaultText}]";
    }

    /// <summary>What the name of each variable begins with.</summary>
    internal const string VariablePrefix = "FLANNELD_";

    internal string Name { get; }

    internal FlagKind Kind { get; }

    /// <summary>Empty: none.</summary>
    internal string DefaultText { get; }

    internal string Variable { get; }

    internal bool IsSecret { get; init; }

    /// <summary>Taken, so that old command lines go on working, and without effect.</summary>
    internal bool HasNoEffect { get; init; }

    /// <summary>What it means, and its default.</summary>
    internal string Help { get; }
}

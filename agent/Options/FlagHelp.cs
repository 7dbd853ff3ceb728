namespace FlannelCni.Agent.Options;

/// <summary>What <c>--help</c> says.</summary>
internal static class FlagHelp
{
    internal static void Write(TextWriter output, string command, string description, IReadOnlyCollection<Flag> flags)
    {
        output.WriteLine($"{description}\n\nUsage:\n  {command} [flags]\n\nFlags:");
        int width = flags.Max(static flag => Name(flag).Length);
        foreach (Flag flag in flags)
        {
            output.WriteLine($"  {Name(flag).PadRight(width)}  {flag.Help}");
        }

        output.WriteLine($"  {"--help".PadRight(width)}  this text");
    }

    private static string Name(Flag flag) => flag.Kind switch
    {
        FlagKind.Switch => $"--{flag.Name}=true|false",
        FlagKind.Number => $"--{flag.Name}=number",
        _ => $"--{flag.Name}=text",
    };
}

namespace FlannelCni.Agent.Leases;

/// <summary>What another node wrote, made fit for a log line: short, and on one line.</summary>
internal static class LogText
{
    private const int MaxLength = 80;

    internal static string Of(string text)
    {
        string shortened = text.Length <= MaxLength ? text : $"{text[..MaxLength]}…";
        return string.Create(shortened.Length, shortened, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = IsPrintable(source[i]) ? source[i] : '?';
            }
        });
    }

    // The separators U+2028 and U+2029 end a line too; half a pair is no text at all.
    private static bool IsPrintable(char c) =>
        !char.IsControl(c) && !char.IsSurrogate(c) && c is not ('\u2028' or '\u2029');
}

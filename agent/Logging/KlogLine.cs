using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Logging;

/// <summary>
/// klog's line: <c>W0821 14:03:05.123456    4711 Reconciler] text</c>. Where klog has file and line, the category
/// stands.
/// </summary>
internal static class KlogLine
{
    internal static string Format(DateTimeOffset at, LogLevel level, string category, string text)
    {
        char letter = level switch
        {
            LogLevel.Critical => 'F',
            LogLevel.Error => 'E',
            LogLevel.Warning => 'W',
            _ => 'I',
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{letter}{at:MMdd HH:mm:ss.ffffff} {Environment.ProcessId,7} {category}] {OneLine(text)}");
    }

    // Texts from the network must not be able to make lines of their own, or colours.
    private static string OneLine(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1F') && !text.AsSpan().ContainsAnyInRange('\x7F', '\x9F'))
        {
            return text;
        }

        StringBuilder line = new(text.Length + 16);
        foreach (char c in text)
        {
            _ = c switch
            {
                '\n' => line.Append("\\n"),
                '\r' => line.Append("\\r"),
                '\t' => line.Append('\t'),
                _ when char.IsControl(c) => line.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => line.Append(c),
            };
        }

        return line.ToString();
    }
}

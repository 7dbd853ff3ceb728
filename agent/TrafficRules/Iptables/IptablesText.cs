using System.Text;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>The words of a rule.</summary>
internal static class IptablesText
{
    /// <summary>
    /// A form that is the same for rules that mean the same: each option with its values, sorted. Versions of iptables
    /// differ in the order of options, and in whether they name the module that an option is from.
    /// </summary>
    internal static string Canonical(string rule)
    {
        List<string> groups = [];
        string negation = "";
        bool isModule = false;
        foreach (string word in Words(rule))
        {
            if (word == "!")
            {
                negation = "! ";
            }
            else if (word.StartsWith('-'))
            {
                isModule = word is "-m" or "--match";
                if (!isModule)
                {
                    groups.Add(negation + word);
                }

                negation = "";
            }
            else if (!isModule && groups.Count > 0)
            {
                groups[^1] += $" \"{word}\"";
            }
        }

        groups.Sort(StringComparer.Ordinal);
        return string.Join(' ', groups);
    }

    /// <summary>What follows an option: <c>-j</c>, <c>--comment</c>. Null: the rule does not have it.</summary>
    internal static string? ValueOf(string rule, string option)
    {
        bool isNext = false;
        foreach (string word in Words(rule))
        {
            if (isNext)
            {
                return word;
            }

            isNext = word == option;
        }

        return null;
    }

    /// <summary>Words between blanks; quoted ones may contain blanks, and quotes behind a backslash.</summary>
    private static List<string> Words(string text)
    {
        List<string> words = [];
        StringBuilder word = new();
        bool isQuoted = false;
        bool isOpen = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '"')
            {
                isQuoted = !isQuoted;
                isOpen = true;
            }
            else if (c == '\\' && isQuoted && i + 1 < text.Length)
            {
                word.Append(text[++i]);
            }
            else if (c == ' ' && !isQuoted)
            {
                Close();
            }
            else
            {
                word.Append(c);
                isOpen = true;
            }
        }

        Close();
        return words;

        void Close()
        {
            if (isOpen)
            {
                words.Add(word.ToString());
            }

            word.Clear();
            isOpen = false;
        }
    }
}

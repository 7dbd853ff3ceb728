namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>
/// Which objects of a kind a caller wants: labelSelector and fieldSelector. Labels know <c>a=b</c>, <c>a==b</c>,
/// <c>a!=b</c>, <c>a in (b,c)</c>, <c>a notin (b,c)</c>, <c>a</c> and <c>!a</c>; fields the first three.
/// </summary>
public sealed class Selector
{
    private readonly List<Func<StoredObject, bool>> _terms = [];

    private Selector()
    {
    }

    public bool SelectsAll => _terms.Count == 0;

    public bool Matches(StoredObject stored) => _terms.TrueForAll(term => term(stored));

    /// <exception cref="ApiStatusException">400: an unreadable term; a field that cannot be asked for.</exception>
    public static Selector Parse(ResourceType type, string? labels, string? fields)
    {
        Selector selector = new();
        foreach (string term in Terms(labels))
        {
            selector._terms.Add(LabelTerm(term));
        }

        foreach (string term in Terms(fields))
        {
            selector._terms.Add(FieldTerm(type, term));
        }

        return selector;
    }

    private static Func<StoredObject, bool> LabelTerm(string term)
    {
        if (TrySplitSet(term, out string key, out bool isIn, out HashSet<string> values))
        {
            return stored => (stored.Labels.TryGetValue(key, out string? value) && values.Contains(value)) == isIn;
        }

        if (TrySplit(term, out key, out string wanted, out bool equals))
        {
            return stored => (stored.Labels.TryGetValue(key, out string? value) && value == wanted) == equals;
        }

        bool exists = !term.StartsWith('!');
        key = term.TrimStart('!').Trim();
        return key.Length > 0 && !key.Contains(' ', StringComparison.Ordinal)
            ? stored => stored.Labels.ContainsKey(key) == exists
            : throw ApiStatusException.BadRequest($"unable to parse requirement: {term}");
    }

    private static Func<StoredObject, bool> FieldTerm(ResourceType type, string term)
    {
        if (!TrySplit(term, out string path, out string wanted, out bool equals))
        {
            throw ApiStatusException.BadRequest($"invalid selector: '{term}'; can't understand '{term}'");
        }

        if (path is not ("metadata.name" or "metadata.namespace") && !type.Fields.Contains(path))
        {
            throw ApiStatusException.BadRequest($"field label not supported: {path}");
        }

        return stored => (stored.Field(path) == wanted) == equals;
    }

    // Commas within parentheses part values, not terms.
    private static IEnumerable<string> Terms(string? text)
    {
        int start = 0, depth = 0;
        for (int i = 0; i <= (text?.Length ?? -1); i++)
        {
            char c = i == text!.Length ? ',' : text[i];
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == ',' && (depth <= 0 || i == text.Length))
            {
                string term = text[start..i].Trim();
                start = i + 1;
                if (term.Length > 0)
                {
                    yield return term;
                }
            }
        }
    }

    private static bool TrySplit(string term, out string key, out string value, out bool equals)
    {
        foreach (string sign in (string[])["!=", "==", "="])
        {
            int at = term.IndexOf(sign, StringComparison.Ordinal);
            if (at > 0)
            {
                key = term[..at].Trim();
                value = term[(at + sign.Length)..].Trim();
                equals = sign != "!=";
                return true;
            }
        }

        key = value = "";
        equals = false;
        return false;
    }

    private static bool TrySplitSet(string term, out string key, out bool isIn, out HashSet<string> values)
    {
        int open = term.IndexOf('(', StringComparison.Ordinal);
        string[] words = open < 0 ? [] : term[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not [string name, "in" or "notin"] || !term.EndsWith(')'))
        {
            key = "";
            isIn = false;
            values = [];
            return false;
        }

        key = name;
        isIn = words[1] == "in";
        values = [.. term[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries)];
        return true;
    }
}

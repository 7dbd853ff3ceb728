using System.Globalization;
using System.Text;

namespace FlannelCni.Plugin.Json;

/// <summary>Prints as Go's encoding/json does: its escapes, its numbers, maps sorted by key.</summary>
internal sealed class JsonPrinter
{
    private readonly StringBuilder _text = new(512);
    private readonly bool _isIndented;
    private readonly bool _sortsAll;
    private int _depth;

    private JsonPrinter(bool isIndented, bool sortsAll)
    {
        _isIndented = isIndented;
        _sortsAll = sortsAll;
    }

    /// <summary>On one line, as a configuration is passed on.</summary>
    internal static byte[] Compact(JsonValue value) => new JsonPrinter(isIndented: false, sortsAll: false).Print(value);

    /// <summary>As results and errors are printed; no newline at the end.</summary>
    /// <param name="sortsAll">Sort the keys of structs, too.</param>
    internal static byte[] Indented(JsonValue value, bool sortsAll = false) =>
        new JsonPrinter(isIndented: true, sortsAll).Print(value);

    private byte[] Print(JsonValue value)
    {
        Append(value);
        return Encoding.UTF8.GetBytes(_text.ToString());
    }

    private void Append(JsonValue value)
    {
        switch (value.Kind)
        {
            case JsonKind.Null:
                _text.Append("null");
                break;
            case JsonKind.Boolean:
                _text.Append(value.IsTrue ? "true" : "false");
                break;
            case JsonKind.Number:
                _text.Append(GoNumber.Format(value.Number));
                break;
            case JsonKind.String:
                AppendString(value.Text);
                break;
            case JsonKind.Array:
                AppendArray(value.Items);
                break;
            case JsonKind.Object when value.Map is JsonMap map:
                AppendMap(map);
                break;
        }
    }

    private void AppendArray(IReadOnlyList<JsonValue> items)
    {
        Open('[');
        for (int i = 0; i < items.Count; i++)
        {
            Separate(i);
            Append(items[i]);
        }

        Close(']', items.Count);
    }

    private void AppendMap(JsonMap map)
    {
        List<(string Key, JsonValue Value)> members = _sortsAll || !map.IsStruct ? Sorted(map) : [.. map.Members];
        Open('{');
        for (int i = 0; i < members.Count; i++)
        {
            Separate(i);
            AppendString(members[i].Key);
            _text.Append(_isIndented ? ": " : ":");
            Append(members[i].Value);
        }

        Close('}', members.Count);
    }

    /// <summary>By key, of equal ones the last.</summary>
    private static List<(string Key, JsonValue Value)> Sorted(JsonMap map)
    {
        List<(string Key, int At)> keys = [];
        for (int i = 0; i < map.Members.Count; i++)
        {
            keys.Add((map.Members[i].Key, i));
        }

        // Go sorts the bytes; UTF-16 has another order beyond the basic plane, where no key of ours is.
        keys.Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key) is int order and not 0 ? order : a.At - b.At);
        List<(string Key, JsonValue Value)> members = [];
        for (int i = 0; i < keys.Count; i++)
        {
            if (i + 1 == keys.Count || keys[i].Key != keys[i + 1].Key)
            {
                members.Add(map.Members[keys[i].At]);
            }
        }

        return members;
    }

    private void Open(char bracket)
    {
        _text.Append(bracket);
        _depth++;
    }

    private void Separate(int index)
    {
        if (index > 0)
        {
            _text.Append(',');
        }

        AppendNewLine();
    }

    private void Close(char bracket, int count)
    {
        _depth--;
        if (count > 0)
        {
            AppendNewLine();
        }

        _text.Append(bracket);
    }

    private void AppendNewLine()
    {
        if (_isIndented)
        {
            _text.Append('\n').Append(' ', 4 * _depth);
        }
    }

    private void AppendString(string value)
    {
        _text.Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' => _text.Append("\\\""),
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '\r' => _text.Append("\\r"),
                '\t' => _text.Append("\\t"),
                '\b' => _text.Append("\\b"),
                '\f' => _text.Append("\\f"),
                < ' ' or '<' or '>' or '&' or '\u2028' or '\u2029' =>
                    _text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => _text.Append(c),
            };
        }

        _text.Append('"');
    }
}

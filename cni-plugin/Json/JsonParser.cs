// Utf8JsonReader prepares search tables at its first use, which takes longer than reading a configuration. What differs
// from it is as Go has it: bytes that are no UTF-8, and halves of surrogate pairs, become U+FFFD.

using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FlannelCni.Plugin.Json;

/// <summary>Reads a document (RFC 8259). Nothing may follow it but white space.</summary>
internal ref struct JsonParser
{
    private const int MaxDepth = 256;

    private readonly ReadOnlySpan<byte> _text;
    private int _at;
    private int _depth;

    private JsonParser(ReadOnlySpan<byte> text) => _text = text;

    /// <exception cref="JsonException">Not JSON, or nested too deeply.</exception>
    internal static JsonValue Parse(ReadOnlySpan<byte> document)
    {
        JsonParser parser = new(document);
        JsonValue value = parser.ReadValue();
        parser.SkipBlanks();
        return parser._at == document.Length ? value : throw parser.Unexpected("after top-level value");
    }

    /// <exception cref="JsonException">Not JSON, or something else than an object.</exception>
    internal static JsonMap ParseMap(ReadOnlySpan<byte> document) => Parse(document).Map
        ?? throw new JsonException("the document is no object");

    private JsonValue ReadValue()
    {
        SkipBlanks();
        switch (Peek())
        {
            case (byte)'{':
                return ReadMap();
            case (byte)'[':
                return ReadArray();
            case (byte)'"':
                return ReadString();
            case (byte)'t':
                return ReadWord("true"u8, true);
            case (byte)'f':
                return ReadWord("false"u8, false);
            case (byte)'n':
                return ReadWord("null"u8, JsonValue.Null);
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9'):
                return ReadNumber();
            default:
                throw Unexpected("looking for beginning of value");
        }
    }

    private JsonMap ReadMap()
    {
        JsonMap map = new();
        Open();
        for (bool isFirst = true; !Close('}', isFirst); isFirst = false)
        {
            if (Peek() != '"')
            {
                throw Unexpected("looking for beginning of object key string");
            }

            string key = ReadString();
            SkipBlanks();
            if (Peek() != ':')
            {
                throw Unexpected("after object key");
            }

            _at++;
            map.Append(key, ReadValue());
        }

        return map;
    }

    private List<JsonValue> ReadArray()
    {
        List<JsonValue> items = [];
        Open();
        for (bool isFirst = true; !Close(']', isFirst); isFirst = false)
        {
            items.Add(ReadValue());
        }

        return items;
    }

    private void Open()
    {
        _at++;
        if (++_depth > MaxDepth)
        {
            throw new JsonException("exceeded max depth");
        }
    }

    /// <summary>False: another member follows, and what parts it from the last one has been read.</summary>
    private bool Close(char bracket, bool isFirst)
    {
        SkipBlanks();
        int next = Peek();
        if (next == bracket)
        {
            _at++;
            _depth--;
            return true;
        }

        if (!isFirst)
        {
            if (next != ',')
            {
                throw Unexpected(bracket == '}' ? "after object key:value pair" : "after array element");
            }

            _at++;
            SkipBlanks();
        }

        return false;
    }

    private string ReadString()
    {
        _at++;
        int start = _at;
        while (Peek() is not ('"' or '\\' or < ' '))
        {
            _at++;
        }

        string plain = Encoding.UTF8.GetString(_text[start.._at]);
        if (Peek() == '"')
        {
            _at++;
            return plain;
        }

        StringBuilder text = new(plain);
        while (Peek() != '"')
        {
            AppendPiece(text);
        }

        _at++;
        return text.ToString();
    }

    /// <summary>An escape, or all up to the next one.</summary>
    private void AppendPiece(StringBuilder text)
    {
        int next = Peek();
        if (next < ' ')
        {
            throw Unexpected("in string literal");
        }

        int start = _at;
        if (next != '\\')
        {
            while (Peek() is not ('"' or '\\' or < ' '))
            {
                _at++;
            }

            text.Append(Encoding.UTF8.GetString(_text[start.._at]));
            return;
        }

        _at++;
        text.Append(Peek() switch
        {
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'u' => '\0',
            _ => throw Unexpected("in string escape code"),
        });
        _at++;
        if (_text[_at - 1] == 'u')
        {
            text.Length--;
            AppendUnicode(text);
        }
    }

    private void AppendUnicode(StringBuilder text)
    {
        char unit = ReadUnit();
        if (!char.IsSurrogate(unit))
        {
            text.Append(unit);
        }
        else if (char.IsHighSurrogate(unit) && _text[_at..].StartsWith("\\u"u8))
        {
            int second = _at;
            _at += 2;
            char low = ReadUnit();
            if (char.IsLowSurrogate(low))
            {
                text.Append(unit).Append(low);
                return;
            }

            _at = second;
            text.Append('\uFFFD');
        }
        else
        {
            text.Append('\uFFFD');
        }
    }

    private char ReadUnit()
    {
        int unit = 0;
        for (int i = 0; i < 4; i++)
        {
            unit = (unit << 4) | Peek() switch
            {
                >= '0' and <= '9' and int digit => digit - '0',
                >= 'a' and <= 'f' and int digit => digit - 'a' + 10,
                >= 'A' and <= 'F' and int digit => digit - 'A' + 10,
                _ => throw Unexpected("in \\u hexadecimal character escape"),
            };
            _at++;
        }

        return (char)unit;
    }

    private JsonValue ReadNumber()
    {
        int start = _at;
        if (Peek() == '-')
        {
            _at++;
        }

        if (Peek() == '0')
        {
            _at++;
        }
        else
        {
            SkipDigits();
        }

        if (Peek() == '.')
        {
            _at++;
            SkipDigits();
        }

        if (Peek() is 'e' or 'E')
        {
            _at++;
            if (Peek() is '+' or '-')
            {
                _at++;
            }

            SkipDigits();
        }

        ReadOnlySpan<byte> digits = _text[start.._at];
        return double.TryParse(digits, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : throw new JsonException($"cannot unmarshal number {Encoding.UTF8.GetString(digits)}");
    }

    private void SkipDigits()
    {
        if (Peek() is < '0' or > '9')
        {
            throw Unexpected("in numeric literal");
        }

        while (Peek() is >= '0' and <= '9')
        {
            _at++;
        }
    }

    private JsonValue ReadWord(ReadOnlySpan<byte> word, JsonValue value)
    {
        foreach (byte letter in word)
        {
            if (Peek() != letter)
            {
                throw Unexpected($"in literal {Encoding.UTF8.GetString(word)}");
            }

            _at++;
        }

        return value;
    }

    private void SkipBlanks()
    {
        while (Peek() is ' ' or '\t' or '\n' or '\r')
        {
            _at++;
        }
    }

    /// <summary>The next byte; -1: the end.</summary>
    private readonly int Peek() => _at < _text.Length ? _text[_at] : -1;

    private readonly JsonException Unexpected(string where) => new(_at < _text.Length
        ? $"invalid character '{(char)_text[_at]}' {where}"
        : "unexpected end of JSON input");
}

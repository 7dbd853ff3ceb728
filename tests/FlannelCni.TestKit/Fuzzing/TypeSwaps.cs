using System.Text;
using System.Text.Json;

namespace FlannelCni.TestKit.Fuzzing;

/// <summary>A document again and again, each time with one value in it replaced, or with one member twice.</summary>
public static class TypeSwaps
{
    private static readonly string[] s_values =
    [
        "null", "true", "-1", "0.5", "1e300", "18446744073709551616", "\"\"", "\"x\\u0000y\"", "\"../%d\"", "[]",
        "[[null]]", "[{}]", "{}", "{\"type\":{}}", "[\"\",5]",
    ];

    /// <summary>Every value of the document in turn, by every one of a list that has all types.</summary>
    public static IEnumerable<byte[]> Of(byte[] document)
    {
        using JsonDocument parsed = JsonDocument.Parse(document);
        int places = Count(parsed.RootElement);
        for (int place = 0; place < places; place++)
        {
            foreach (string value in s_values)
            {
                foreach (bool isTwice in (bool[])[false, true])
                {
                    StringBuilder text = new();
                    int at = place;
                    Write(text, parsed.RootElement, ref at, value, isTwice);
                    yield return Encoding.UTF8.GetBytes(text.ToString());
                }
            }
        }
    }

    private static int Count(JsonElement element) => 1 + element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Sum(static member => Count(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().Sum(Count),
        _ => 0,
    };

    /// <param name="at">Values to pass by before the one that is replaced.</param>
    /// <param name="isTwice">A member stays, and comes again with the value.</param>
    private static void Write(StringBuilder text, JsonElement element, ref int at, string value, bool isTwice)
    {
        if (at-- == 0)
        {
            text.Append(value);
            return;
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    bool isNext = at == 0;
                    text.Append(text[^1] == '{' ? "" : ",").Append('"').Append(member.Name).Append("\":");
                    if (isNext && isTwice)
                    {
                        text.Append(member.Value.GetRawText()).Append(",\"").Append(member.Name).Append("\":");
                    }

                    Write(text, member.Value, ref at, value, isTwice);
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (JsonElement item in element.EnumerateArray())
                {
                    text.Append(text[^1] == '[' ? "" : ",");
                    Write(text, item, ref at, value, isTwice);
                }

                text.Append(']');
                break;
            default:
                text.Append(element.GetRawText());
                break;
        }
    }
}

using System.Text;
using System.Text.Json;
using FlannelCni.Plugin.Json;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Plugin.Json;

/// <summary>Documents in, values out, as Go reads them.</summary>
public sealed class JsonParserTests
{
    [Theory]
    [InlineData("null", "null")]
    [InlineData(" [ ] ", "[]")]
    [InlineData("{}", "{}")]
    [InlineData("""{"b":1,"a":{"y":true,"x":false}}""", """{"a":{"x":false,"y":true},"b":1}""")]
    [InlineData("""[1,-0,0.5,1e2,-1.25E-2]""", "[1,-0,0.5,100,-0.0125]")]
    [InlineData("\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\"", "\"é😀\\n/\\\"\"")]
    [InlineData("\"\\ud83d\"", "\"\uFFFD\"")]
    [InlineData("\"\\ude00\\ud83dx\"", "\"\uFFFD\uFFFDx\"")]
    [InlineData("\"a\\\\\"", "\"a\\\\\"")]
    public void A_document_prints_again(string document, string expected)
    {
        JsonValue value = JsonParser.Parse(Encoding.UTF8.GetBytes(document));

        Assert.Equal(expected, Encoding.UTF8.GetString(JsonPrinter.Compact(value)));
    }

    [Fact]
    public void Bytes_that_are_no_text_become_the_replacement_character()
    {
        JsonValue value = JsonParser.Parse([(byte)'"', 0xFF, (byte)'"']);

        Assert.Equal("\uFFFD", value.Text);
    }

    [Fact]
    public void Of_equal_keys_the_last_counts_and_fields_match_in_any_case()
    {
        JsonMap map = JsonParser.ParseMap("""{"mtu":1,"MTU":2,"mtu":3,"Mtu":null}"""u8);

        Assert.Equal(3, map.Find("mtu")?.Number);
        Assert.Equal(2, map.Find("MTU")?.Number);
        Assert.Equal(3, map.Integer("mtu"));
        Assert.Equal(2, JsonParser.ParseMap("""{"mtu":1,"MTU":2}"""u8).Integer("Mtu"));
    }

    [Fact]
    public void A_null_leaves_a_plain_value_what_it_was_and_an_object_adds_to_the_one_before_it()
    {
        JsonMap map = JsonParser.ParseMap(
            """
            {"name":"a","name":null,"delegate":{"mtu":1,"bridge":"br1"},"Delegate":{"mtu":2,"vlan":3},
             "ipam":{"type":"x"},"ipam":null,"routes":[1],"routes":[]}
            """u8);

        Assert.Equal("a", map.Text("name"));
        JsonMap? both = map.Object("delegate");
        Assert.Equal((2, "br1", 3), (both?.Integer("mtu"), both?.Text("bridge"), both?.Integer("vlan")));
        Assert.Null(map.Object("ipam"));
        Assert.Empty(map.Array("routes")!);
        Assert.Throws<JsonException>(() => JsonParser.ParseMap("""{"mtu":"1","mtu":2}"""u8).Integer("mtu"));
    }

    [Theory]
    [InlineData("", "unexpected end of JSON input")]
    [InlineData("{", "unexpected end of JSON input")]
    [InlineData("\"abc", "unexpected end of JSON input")]
    [InlineData("\"\\u12", "unexpected end of JSON input")]
    [InlineData("not json", "invalid character 'o' in literal null")]
    [InlineData("x", "invalid character 'x' looking for beginning of value")]
    [InlineData("{x", "invalid character 'x' looking for beginning of object key string")]
    [InlineData("""{"a" 1}""", "invalid character '1' after object key")]
    [InlineData("""{"a":1 "b":2}""", "invalid character '\"' after object key:value pair")]
    [InlineData("""{"a":1,}""", "invalid character '}' looking for beginning of object key string")]
    [InlineData("[1 2]", "invalid character '2' after array element")]
    [InlineData("[1,]", "invalid character ']' looking for beginning of value")]
    [InlineData("{} {}", "invalid character '{' after top-level value")]
    [InlineData("01", "invalid character '1' after top-level value")]
    [InlineData("-", "unexpected end of JSON input")]
    [InlineData("1.", "unexpected end of JSON input")]
    [InlineData("1e+", "unexpected end of JSON input")]
    [InlineData("+1", "invalid character '+' looking for beginning of value")]
    [InlineData("\"\n\"", "invalid character '\n' in string literal")]
    [InlineData("\"\\x\"", "invalid character 'x' in string escape code")]
    [InlineData("\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape")]
    [InlineData("1e999", "cannot unmarshal number 1e999")]
    public void A_malformed_document_is_named(string document, string expected)
    {
        JsonException e = Assert.Throws<JsonException>(() => JsonParser.Parse(Encoding.UTF8.GetBytes(document)));

        Assert.Equal(expected, e.Message);
    }

    [Fact]
    public void Endless_nesting_is_refused()
    {
        Assert.Throws<JsonException>(() => JsonParser.Parse(Encoding.UTF8.GetBytes(new string('[', 100_000))));
    }

    [Fact]
    public void Any_bytes_are_read_or_refused() => Prop.ForAll<byte[]>(static bytes =>
    {
        Exception? e = Record.Exception(() => JsonParser.Parse(bytes));
        return e is null or JsonException;
    }).Hold();

    [Fact]
    public void Any_text_comes_back() => Prop.ForAll<string>(static text =>
    {
        // Halves of surrogate pairs do not survive UTF-8.
        string sound = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""));
        return JsonParser.Parse(JsonPrinter.Compact(sound)).Text == sound;
    }).Hold();
}

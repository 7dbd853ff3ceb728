using System.Text;
using FlannelCni.Plugin.Json;

namespace FlannelCni.UnitTests.Plugin.Json;

/// <summary>What Go's encoding/json would print.</summary>
public sealed class JsonPrinterTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(1450, "1450")]
    [InlineData(-7, "-7")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(123456789012345680000.0, "123456789012345680000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1.5e300, "1.5e+300")]
    [InlineData(0.1, "0.1")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(1234.5678, "1234.5678")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(0.00000125, "0.00000125")]
    [InlineData(1.25e-7, "1.25e-7")]
    [InlineData(-3e-100, "-3e-100")]
    public void Numbers_are_as_short_as_can_be(double number, string expected)
    {
        Assert.Equal(expected, GoNumber.Format(number));
    }

    [Fact]
    public void Strings_are_escaped_for_HTML_too()
    {
        byte[] printed = JsonPrinter.Compact("<a&b>\u2028\u2029\u0001\t\b\f\u007f é");

        Assert.Equal(
            "\"\\u003ca\\u0026b\\u003e\\u2028\\u2029\\u0001\\t\\b\\f\u007f é\"", Encoding.UTF8.GetString(printed));
    }

    [Fact]
    public void Maps_are_sorted_and_structs_are_not_unless_all_are()
    {
        JsonMap outer = JsonMap.Struct();
        outer.Set("z", JsonParser.Parse("""{"b":1,"a":[]}"""u8));
        outer.Set("y", new JsonMap());

        Assert.Equal("""{"z":{"a":[],"b":1},"y":{}}""", Encoding.UTF8.GetString(JsonPrinter.Compact(outer)));
        Assert.Equal(
            """
            {
                "y": {},
                "z": {
                    "a": [],
                    "b": 1
                }
            }
            """,
            Encoding.UTF8.GetString(JsonPrinter.Indented(outer, sortsAll: true)));
    }
}

using System.Text;
using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>Results of other plugins.</summary>
public sealed class ResultReaderTests
{
    [Theory]
    [InlineData("", "1.0.0", "1.0.0")]
    [InlineData("""  "cniVersion": "", """, "0.3.1", "0.3.1")]
    [InlineData("""  "cniVersion": "0.4.0", """, "1.0.0", "0.4.0")]
    [InlineData("", "", "0.1.0")]
    public void A_result_without_a_version_has_the_configurations(string version, string configs, string expected)
    {
        _ = ResultReader.Read(Encoding.UTF8.GetBytes($$"""{{{version}} "dns": {} }"""), configs, out string read);

        Assert.Equal(expected, read);
    }

    [Fact]
    public void Null_is_an_empty_result()
    {
        CniResult result = ResultReader.Read("null"u8, "0.3.1", out _);

        Assert.Empty(result.Ips);
    }

    [Fact]
    public void Addresses_keep_their_host_bits_and_an_index_of_zero()
    {
        CniResult result = ResultReader.Read(
            """{"ips":[{"version":"4","interface":0,"address":"10.1.2.3/24"}]}"""u8, "0.3.1", out _);

        Assert.Equal([new CniIp(IpPrefix.Parse("10.1.2.3/24"), default, 0)], result.Ips);
    }

    [Theory]
    [InlineData("""{"cniVersion":"3.0.0"}""", "unsupported CNI result version \"3.0.0\"")]
    [InlineData("""{"ips":[{"address":"10.1.2.3"}]}""", "invalid CIDR address: 10.1.2.3")]
    [InlineData("""{"ips":[{"address":"10.1.2.3/24","gateway":"x"}]}""", "invalid IP address: x")]
    [InlineData("""{"ips":{}}""", "\"ips\" is an object, a list is expected")]
    [InlineData("""{"ips":[5]}""", "an item of \"ips\" is a number, an object is expected")]
    [InlineData("""{"routes":[{"dst":5}]}""", "\"dst\" is a number, a string is expected")]
    [InlineData("""{"routes":[{"dst":"::/0","scope":300}]}""", "\"scope\" is 300, 0 to 255 is expected")]
    [InlineData(
        """{"interfaces":[{"mtu":1.5}]}""", "\"mtu\" is 1.5, a whole number of 32 bits is expected")]
    [InlineData("", "unexpected end of JSON input")]
    public void What_is_no_result_is_named(string output, string expected)
    {
        JsonException e = Assert.Throws<JsonException>(
            () => ResultReader.Read(Encoding.UTF8.GetBytes(output), "1.0.0", out _));

        Assert.Equal(expected, e.Message);
    }
}

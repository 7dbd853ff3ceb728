using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Backends.Vxlan;

public sealed class VtepDataTests
{
    private static readonly MacAddress s_mac = MacAddress.Parse("c6:d2:32:6f:8f:44");

    [Fact]
    public void It_is_written_as_upstream_writes_it() =>
        Assert.Equal("""{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}""", new VtepData(1, s_mac).ToJson());

    [Theory]
    [InlineData("""{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}""", 1)]
    [InlineData("""{"VtepMAC":"c6:d2:32:6f:8f:44"}""", 0)]    // older agents
    [InlineData("""{"vni":7,"vtepmac":"C6-D2-32-6F-8F-44"}""", 7)]
    [InlineData("""{"VNI":70000,"VtepMAC":"c6:d2:32:6f:8f:44"}""", 4464)]    // the 16 bits that upstream has room for
    [InlineData("""{"VtepMAC":"aa:bb:cc:dd:ee:f0","VtepMAC":"c6:d2:32:6f:8f:44"}""", 0)]
    [InlineData("""{"Future":{"a":[1,2]},"VtepMAC":"c6:d2:32:6f:8f:44"}""", 0)]
    public void What_others_write_is_read(string json, int vni)
    {
        Assert.True(VtepData.TryRead(json, out VtepData data, out _));
        Assert.Equal(new VtepData((ushort)vni, s_mac), data);
    }

    [Theory]
    [InlineData(null, "no backend data")]
    [InlineData("", "backend data is no JSON: ")]
    [InlineData("{", "backend data is no JSON: {")]
    [InlineData("null", "backend data is no object: null")]
    [InlineData("[]", "backend data is no object: []")]
    [InlineData("{}", "VtepMAC 00:00:00:00:00:00 is no unicast address")]
    [InlineData("""{"VtepMAC":"01:00:5e:00:00:01"}""", "VtepMAC 01:00:5e:00:00:01 is no unicast address")]
    [InlineData("""{"VtepMAC":"ff:ff:ff:ff:ff:ff"}""", "VtepMAC ff:ff:ff:ff:ff:ff is no unicast address")]
    [InlineData("""{"VtepMAC":"nonsense"}""", "backend data has VtepMAC \"nonsense\"")]
    [InlineData("""{"VtepMAC":null}""", "backend data has VtepMAC null")]
    [InlineData("""{"VtepMAC":5}""", "backend data has VtepMAC 5")]
    [InlineData("""{"VNI":"1","VtepMAC":"c6:d2:32:6f:8f:44"}""", "backend data has VNI \"1\"")]
    [InlineData("""{"VNI":-1}""", "backend data has VNI -1")]
    [InlineData("""{"VNI":1.5}""", "backend data has VNI 1.5")]
    [InlineData("""{"VNI":1e99}""", "backend data has VNI 1e99")]
    [InlineData("""{"VtepMAC":"\ud800"}""", "backend data is no JSON: {\"VtepMAC\":\"\\ud800\"}")]
    [InlineData("""{"\udc00":1}""", "backend data is no JSON: {\"\\udc00\":1}")]
    [InlineData("{\"VNI\":[\n\u001b[31m]}", "backend data is no JSON: {\"VNI\":[??[31m]}")]
    [InlineData("{\"VNI\":[\n\n1]}", "backend data has VNI [??1]")]
    public void What_makes_no_sense_is_refused_in_one_short_line(string? json, string reason)
    {
        Assert.False(VtepData.TryRead(json, out _, out string? said));
        Assert.Equal(reason, said);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused()
    {
        Assert.False(VtepData.TryRead(new string('\ud800', 1), out _, out string? reason));
        Assert.Equal("backend data is no JSON: ?", reason);
    }

    [Fact]
    public void Huge_and_deep_texts_are_refused_shortly()
    {
        string[] texts =
        [
            new string('[', 100_000),
            $"{{\"VNI\":{new string('9', 1_000_000)}}}",
            $"{{\"VtepMAC\":\"{new string('a', 1_000_000)}\"}}",
            string.Concat(Enumerable.Repeat("{\"VNI\":", 100)),
        ];

        foreach (string text in texts)
        {
            Assert.False(VtepData.TryRead(text, out _, out string? reason));
            Assert.InRange(reason.Length, 1, 130);
        }
    }
}

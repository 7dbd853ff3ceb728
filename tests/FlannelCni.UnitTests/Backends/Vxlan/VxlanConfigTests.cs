using System.Text.Json;
using FlannelCni.Agent.Backends.Vxlan;

namespace FlannelCni.UnitTests.Backends.Vxlan;

public sealed class VxlanConfigTests
{
    [Theory]
    [InlineData("""{"Type":"vxlan"}""", 1, 0, 0, false, false)]
    [InlineData("null", 1, 0, 0, false, false)]
    [InlineData("""{"vni":4096,"PORT":4789,"mtu":1400,"gbp":true,"learning":true}""", 4096, 4789, 1400, true, true)]
    [InlineData("""{"VNI":5,"vni":6}""", 6, 0, 0, false, false)]
    [InlineData("""{"VNI":16777215,"Port":65535,"MTU":65535}""", 16777215, 65535, 65535, false, false)]
    [InlineData("""{"MTU":150}""", 1, 0, 150, false, false)]
    [InlineData("""{"MacPrefix":"0E-2A","Name":"x","DirectRouting":false}""", 1, 0, 0, false, false)]
    public void What_it_says_is_taken(string json, int vni, int port, int mtu, bool gbp, bool learning) => Assert.Equal(
        new VxlanConfig((uint)vni, (ushort)port, (uint)mtu, gbp, learning), Parse(json));

    [Theory]
    [InlineData("""{"VNI":0}""", "Backend.VNI: 0 must be a number from 1 to 16777215")]
    [InlineData("""{"VNI":16777216}""", "Backend.VNI: 16777216 must be a number from 1 to 16777215")]
    [InlineData("""{"VNI":"1"}""", "Backend.VNI: \"1\" must be a number from 1 to 16777215")]
    [InlineData("""{"Port":-1}""", "Backend.Port: -1 must be a number from 0 to 65535")]
    [InlineData("""{"port":65536}""", "Backend.port: 65536 must be a number from 0 to 65535")]
    [InlineData("""{"MTU":149}""", "Backend.MTU: 149 must be 0, for the external interface's, or from 150 to 65535")]
    [InlineData("""{"MTU":1e9}""", "Backend.MTU: 1e9 must be a number from 0 to 65535")]
    [InlineData("""{"Learning":"yes"}""", "Backend.Learning: \"yes\" must be true or false")]
    [InlineData("""{"GBP":1}""", "Backend.GBP: 1 must be true or false")]
    [InlineData("""{"DirectRouting":"on"}""", "Backend.DirectRouting: \"on\" must be true or false")]
    [InlineData("""{"TxChecksumOffload":"auto"}""", "Backend.TxChecksumOffload: \"auto\" must be \"on\" or \"off\"")]
    [InlineData("""{"TxChecksumOffload":0}""", "Backend.TxChecksumOffload: 0 must be \"on\" or \"off\"")]
    public void What_it_cannot_mean_is_refused(string json, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => Parse(json)).Message);

    [Fact]
    public void What_may_be_left_out_is_as_without_it()
    {
        Assert.False(Parse("{}").DirectRouting);
        Assert.True(Parse("""{"directrouting":true}""").DirectRouting);
        Assert.Null(Parse("{}").TxChecksumOffload);
        Assert.True(Parse("""{"TxChecksumOffload":"on"}""").TxChecksumOffload);
        Assert.False(Parse("""{"TxChecksumOffload":"off"}""").TxChecksumOffload);
        Assert.False(Parse("""{"TxChecksumOffload":false}""").TxChecksumOffload);
    }

    private static VxlanConfig Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return VxlanConfig.Parse(document.RootElement);
    }
}

using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>Which verb is allowed under which version.</summary>
public sealed class CniVersionTests
{
    [Theory]
    [InlineData("0.1.0", "ADD DEL")]
    [InlineData("0.2.0", "ADD DEL")]
    [InlineData("0.3.0", "ADD DEL")]
    [InlineData("0.3.1", "ADD DEL")]
    [InlineData("0.4.0", "ADD DEL CHECK")]
    [InlineData("1.0.0", "ADD DEL CHECK")]
    [InlineData("1.1.0", "ADD DEL CHECK GC STATUS")]
    public void A_version_allows_its_verbs(string version, string verbs)
    {
        foreach (string verb in (string[])["ADD", "DEL", "CHECK", "GC", "STATUS"])
        {
            Exception? e = Record.Exception(() => CniVersion.Require(version, verb));

            Assert.Equal(verbs.Split(' ').Contains(verb), e is null);
            Assert.Equal(e is null ? null : $"config version does not allow {verb}", e?.Message);
        }
    }

    [Theory]
    [InlineData("0.5.0")]
    [InlineData("1.0")]
    [InlineData("2.0.0")]
    [InlineData("garbage")]
    public void An_unknown_version_is_refused_with_the_list(string version)
    {
        CniException e = Assert.Throws<CniException>(() => CniVersion.Require(version, "ADD"));

        Assert.Equal(CniErrorCode.IncompatibleVersion, e.Code);
        Assert.Equal("incompatible CNI versions", e.Message);
        Assert.Equal(
            $"config is \"{version}\", "
            + "plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" \"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]",
            e.Details);
    }

    [Theory]
    [InlineData("1.2.0", "CHECK", CniErrorCode.IncompatibleVersion, "plugin version does not allow CHECK")]
    [InlineData("1.0.0", "GC", CniErrorCode.IncompatibleVersion, "config version does not allow GC")]
    [InlineData("junk", "CHECK", CniErrorCode.DecodingFailure, "invalid version \"junk\"")]
    [InlineData("1.1.0.0", "STATUS", CniErrorCode.DecodingFailure, "invalid version \"1.1.0.0\"")]
    internal void A_newer_verb_asks_for_its_version(string version, string verb, CniErrorCode code, string message)
    {
        CniException e = Assert.Throws<CniException>(() => CniVersion.Require(version, verb));

        Assert.Equal(code, e.Code);
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public void No_version_is_the_first_one()
    {
        Assert.Equal("0.1.0", CniVersion.OrOldest(""));
    }
}

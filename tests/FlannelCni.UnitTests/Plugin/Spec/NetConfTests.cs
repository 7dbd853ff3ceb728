using System.Text;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>Standard input.</summary>
public sealed class NetConfTests
{
    [Fact]
    public void Paths_have_upstreams_defaults()
    {
        NetConf conf = NetConf.Read(NetConf.ReadDocument("""{"name":"cbr0","type":"flannel"}"""u8));

        Assert.Equal("cbr0", conf.Name);
        Assert.Equal("", conf.CniVersion);
        Assert.Equal("/run/flannel/subnet.env", conf.SubnetFile);
        Assert.Equal("/var/lib/cni/flannel", conf.DataDir);
        Assert.Null(conf.Delegate);
    }

    [Fact]
    public void What_is_given_is_kept_an_empty_path_too()
    {
        NetConf conf = NetConf.Read(NetConf.ReadDocument(
            """{"Name":"cbr0","CNIVERSION":"0.3.1","subnetFile":"","dataDir":"/d","delegate":null,"ipam":{}}"""u8));

        Assert.Equal("0.3.1", conf.CniVersion);
        Assert.Equal("", conf.SubnetFile);
        Assert.Equal("/d", conf.DataDir);
        Assert.Null(conf.Delegate);
        Assert.NotNull(conf.Ipam);
    }

    [Theory]
    [InlineData("{", CniErrorCode.DecodingFailure, "error unmarshall network config: unexpected end of JSON input")]
    [InlineData("[]", CniErrorCode.DecodingFailure, "error unmarshall network config: the document is no object")]
    [InlineData(
        """{"name":5}""",
        CniErrorCode.DecodingFailure,
        "error unmarshall network config: \"name\" is a number, a string is expected")]
    [InlineData("{}", CniErrorCode.InvalidNetworkConfig, "missing network name")]
    [InlineData("""{"name":"1%"}""", CniErrorCode.InvalidNetworkConfig, "invalid characters found in network name")]
    internal void Every_verb_wants_a_named_document(string input, CniErrorCode code, string message)
    {
        CniException e = Assert.Throws<CniException>(() => NetConf.ReadDocument(Encoding.UTF8.GetBytes(input)));

        Assert.Equal(code, e.Code);
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public void A_field_of_another_type_fails_the_whole()
    {
        JsonMap document = NetConf.ReadDocument("""{"name":"a","delegate":[]}"""u8);

        CniException e = Assert.Throws<CniException>(() => NetConf.Read(document));

        Assert.Equal(
            "failed to load flannel netconf file: failed to load netconf: "
            + "\"delegate\" is a list, an object is expected",
            e.Message);
    }
}

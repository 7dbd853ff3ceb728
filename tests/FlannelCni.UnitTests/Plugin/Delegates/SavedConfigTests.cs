using FlannelCni.Contract;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Delegates;

/// <summary>What a DEL goes by when ADD's file is there, missing, torn or another's.</summary>
public sealed class SavedConfigTests
{
    private static readonly NetConf s_conf = NetConf.Read(NetConf.ReadDocument("""{"name":"cbr0"}"""u8));

    [Fact]
    public void What_ADD_saved_counts_and_the_subnet_file_is_not_read()
    {
        SavedConfig chosen = SavedConfig.Choose("""{"name":"cbr0","type":"macvlan"}"""u8.ToArray(), s_conf, Missing);

        Assert.Equal("macvlan", chosen.Config?.Map.Find("type")?.Text);
        Assert.True(chosen.IsKnown);
        Assert.True(chosen.IsConsumed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("""{"name":"cbr0","type":"bri""")]
    [InlineData("null")]
    [InlineData("""{"name":"cbr0"}""")]
    public void A_torn_file_is_rendered_again_and_goes_in_the_end(string saved)
    {
        SavedConfig chosen = SavedConfig.Choose(System.Text.Encoding.UTF8.GetBytes(saved), s_conf, Load);

        Assert.Equal("bridge", chosen.Config?.Map.Find("type")?.Text);
        Assert.False(chosen.IsKnown);
        Assert.True(chosen.IsConsumed);
    }

    [Fact]
    public void A_torn_file_waits_for_the_subnet_file()
    {
        CniException e = Assert.Throws<CniException>(() => SavedConfig.Choose([], s_conf, Missing));

        Assert.Equal("missing", e.Message);
    }

    [Fact]
    public void Another_networks_file_stays_where_it_is()
    {
        SavedConfig chosen = SavedConfig.Choose("""{"name":"other","type":"macvlan"}"""u8.ToArray(), s_conf, Load);

        Assert.Equal("cbr0", chosen.Config?.Map.Find("name")?.Text);
        Assert.False(chosen.IsConsumed);
    }

    [Fact]
    public void Without_both_files_there_is_nothing_to_release()
    {
        SavedConfig chosen = SavedConfig.Choose(null, s_conf, Missing);

        Assert.Null(chosen.Config);
        Assert.False(chosen.IsConsumed);
    }

    private static SubnetEnv Load() => SubnetEnvFile.Parse(
        "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n", "");

    private static SubnetEnv Missing() => throw new CniException(CniErrorCode.Internal, "missing");
}

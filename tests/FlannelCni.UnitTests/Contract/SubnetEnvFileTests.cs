using FlannelCni.Contract;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Contract;

/// <summary>The file between agent and plugin, in both directions.</summary>
public sealed class SubnetEnvFileTests
{
    private const string File = "/run/flannel/subnet.env";

    private const string DualStack =
        "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.0.1/24\n"
        + "FLANNEL_IPV6_NETWORK=2001:cafe:42::/56\nFLANNEL_IPV6_SUBNET=2001:cafe:42::1/64\n"
        + "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";

    [Fact]
    public void What_is_written_is_what_upstream_writes_and_what_is_read()
    {
        SubnetEnv env = SubnetEnvFile.Parse(DualStack, File);

        Assert.Equal([IpPrefix.Parse("10.42.0.0/16")], env.Networks);
        Assert.Equal(IpPrefix.Parse("10.42.0.1/24"), env.Subnet);
        Assert.Equal([IpPrefix.Parse("2001:cafe:42::/56")], env.IPv6Networks);
        Assert.Equal(IpPrefix.Parse("2001:cafe:42::1/64"), env.IPv6Subnet);
        Assert.Equal(1450u, env.Mtu);
        Assert.True(env.IpMasq);
        Assert.Equal(DualStack, SubnetEnvFile.Format(env));
    }

    [Theory]
    [InlineData("FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n")]
    [InlineData("FLANNEL_IPV6_NETWORK=fc::/48\nFLANNEL_IPV6_SUBNET=fc::1/64\nFLANNEL_MTU=1\nFLANNEL_IPMASQ=false\n")]
    public void One_family_is_enough(string text)
    {
        SubnetEnv env = SubnetEnvFile.Parse(text, File);

        Assert.Equal(text, SubnetEnvFile.Format(env));
    }

    [Theory]
    [InlineData("false", false)]
    [InlineData("TRUE", false)]
    [InlineData("true ", false)]
    [InlineData("", false)]
    [InlineData("true", true)]
    public void IpMasq_is_on_only_for_the_exact_word(string word, bool expected)
    {
        SubnetEnv env = SubnetEnvFile.Parse(DualStack + $"FLANNEL_IPMASQ={word}\n", File);

        Assert.Equal(expected, env.IpMasq);
    }

    [Fact]
    public void Later_lines_count_and_strange_ones_pass_by()
    {
        SubnetEnv env = SubnetEnvFile.Parse(
            "\n# comment\nfoo=bar\nexport\n FLANNEL_MTU=9\n" + DualStack + "FLANNEL_MTU=9000\r\n\0garbage", File);

        Assert.Equal(9000u, env.Mtu);
    }

    [Fact]
    public void A_list_of_networks_is_masked_and_has_no_duplicates()
    {
        SubnetEnv env = SubnetEnvFile.Parse(
            DualStack + "FLANNEL_NETWORK=10.2.3.4/16,10.1.0.0/16,10.2.0.0/16", File);

        Assert.Equal([IpPrefix.Parse("10.2.0.0/16"), IpPrefix.Parse("10.1.0.0/16")], env.Networks);
    }

    [Theory]
    [InlineData(
        "foo=bar",
        "/run/flannel/subnet.env is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, "
        + "FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ")]
    [InlineData(
        "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_IPV6_SUBNET=fc00::1/64\nFLANNEL_MT",
        "/run/flannel/subnet.env is missing FLANNEL_MTU, FLANNEL_IPMASQ")]
    [InlineData("FLANNEL_MTU", "/run/flannel/subnet.env, line 1: FLANNEL_MTU without a value")]
    [InlineData("\nFLANNEL_SUBNET", "/run/flannel/subnet.env, line 2: FLANNEL_SUBNET without a value")]
    [InlineData("FLANNEL_MTU=", "/run/flannel/subnet.env, line 1: FLANNEL_MTU is no number: \"\"")]
    [InlineData("FLANNEL_MTU=-1", "/run/flannel/subnet.env, line 1: FLANNEL_MTU is no number: \"-1\"")]
    [InlineData("FLANNEL_MTU=4294967296", "/run/flannel/subnet.env, line 1: FLANNEL_MTU is no number: \"4294967296\"")]
    [InlineData(
        "FLANNEL_SUBNET=10.1.17.1", "/run/flannel/subnet.env, line 1: FLANNEL_SUBNET: invalid CIDR address: 10.1.17.1")]
    [InlineData(
        "FLANNEL_NETWORK=10.1.0.0/16,", "/run/flannel/subnet.env, line 1: FLANNEL_NETWORK: invalid CIDR address: ")]
    public void A_bad_file_is_a_sentence(string text, string expected)
    {
        SubnetEnvException e = Assert.Throws<SubnetEnvException>(() => SubnetEnvFile.Parse(text, File));

        Assert.Equal(expected, e.Message);
    }

    [Fact]
    public void A_file_cut_anywhere_is_read_or_refused_in_a_sentence()
    {
        for (int length = 0; length < DualStack.Length; length++)
        {
            string torn = DualStack[..length];

            Exception? e = Record.Exception(() => SubnetEnvFile.Parse(torn, File));

            Assert.True(e is null or SubnetEnvException, $"{torn}: {e}");
        }
    }

    [Fact]
    public void The_version_is_that_of_the_build()
    {
        string built = typeof(FlannelVersion).Assembly.GetName().Version?.ToString(3) ?? "";

        Assert.Equal(FlannelVersion.Text, built);
    }
}

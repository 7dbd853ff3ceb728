using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TestKit;

/// <summary>The nodes that the other tests stand on.</summary>
public sealed class TestClusterTests
{
    [Fact]
    public void A_node_is_an_empty_namespace_and_not_the_host()
    {
        using TestNode node = TestNode.Create();

        Assert.Equal("lo", node.ShellJson("ip -json link show")[0].GetProperty("ifname").GetString());
        Assert.Single(node.Rtnl.ListLinks());
        Assert.NotEqual(Shell.Run("readlink /proc/self/ns/net"), node.Shell("readlink /proc/self/ns/net"));
    }

    [Fact]
    public void A_failing_command_says_its_standard_error()
    {
        using TestNode node = TestNode.Create();

        InvalidOperationException e =
            Assert.Throws<InvalidOperationException>(() => node.Shell("ip link show missing"));

        Assert.Equal("ip link show missing: exit status 1: Device \"missing\" does not exist.", e.Message);
    }

    [Fact]
    public void Nodes_reach_each_other_by_both_families_at_once()
    {
        using TestCluster cluster = TestCluster.Create(3);

        cluster.Nodes[0].Shell("ping -c1 -W3 192.0.2.3 && ping -c1 -W3 2001:db8::2");
    }
}

using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class NodeBookTests
{
    private readonly LogLines _log = new();
    private readonly NodeBook _book;

    public NodeBookTests() => _book = new NodeBook("node-1", Nodes.Network, Nodes.Names, _log);

    [Fact]
    public void Nodes_of_the_network_are_peers_but_for_this_one()
    {
        Assert.Equal(["node-2"], Apply(Nodes.Vxlan(1), Nodes.Vxlan(2), Nodes.Bare(3)));

        Lease peer = Assert.Single(_book.Peers.ByKey.Values);
        Assert.Equal(("node-2", "10.244.2.0/24"), (peer.Key, peer.Subnet.ToString()));
        Assert.Equal(Nodes.Attributes(2), peer.Attributes);
        Assert.Equal(new Seniority(1002, "node-2"), peer.Seniority);
        Assert.True(peer.IPv6Subnet.IsNone);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_deleted_node_is_no_peer_any_more()
    {
        Apply(Nodes.Vxlan(2), Nodes.Vxlan(3));

        Assert.Equal(["node-2"], Apply(Nodes.Vxlan(3)));
        Assert.Equal(["node-3"], _book.Peers.ByKey.Keys);
    }

    [Fact]
    public void Either_family_of_a_peer_may_change_alone()
    {
        NodeBook book = new("node-1", Nodes.DualNetwork, Nodes.Names, _log);
        book.Apply(Nodes.Snapshot(Nodes.Dual(2)));
        NodeRecord moved = Nodes.Dual(2);
        moved = moved with { Annotations = moved.Annotations with { PublicIPv6 = "2001:db8::22" } };

        Assert.Equal(["node-2"], book.Apply(Nodes.Snapshot(moved)));
        Assert.Equal("2001:db8::22", book.Peers.ByKey["node-2"].Attributes.PublicIPv6.ToString());
    }

    [Theory]
    [InlineData("10.244.2.9/24", "10.244.2.0/24")]
    [InlineData("fd00:10:244:2::/64 10.244.2.0/24", "10.244.2.0/24")]
    [InlineData("10.244.7.0/24 10.244.2.0/24", "10.244.2.0/24")]
    public void Of_the_pod_CIDRs_the_last_of_the_family_counts_without_host_bits(string cidrs, string expected)
    {
        Apply(Nodes.Vxlan(2) with { PodCidrs = [.. cidrs.Split(' ')] });

        Assert.Equal(expected, _book.Peers.ByKey["node-2"].Subnet.ToString());
        Assert.True(_book.Peers.ByKey["node-2"].IPv6Subnet.IsNone);
    }

    [Theory]
    [InlineData("", "it has no pod CIDR")]
    [InlineData("fd00:10:244:2::/64", "it has no pod CIDR")]
    [InlineData("10.244.2.0", "its pod CIDR \"10.244.2.0\" is none")]
    [InlineData("10.244.2.0/24 10.244.3.0/24 10.244.4.0/24", "it has 3 pod CIDRs, and 2 are possible")]
    public void What_cannot_be_read_is_skipped_and_said_once(string cidrs, string because)
    {
        NodeRecord node = Nodes.Vxlan(2) with
        {
            PodCidrs = [.. cidrs.Split(' ', StringSplitOptions.RemoveEmptyEntries)],
        };

        Assert.Empty(Apply(node, Nodes.Vxlan(2) with { Name = "node-3" }).Except(["node-3"]));
        Apply(node);
        Apply(node with { CreatedAt = 5 });

        Assert.Equal([$"Warning: Node node-2: {because}"], _log.Lines);
    }

    [Fact]
    public void Garbage_on_a_peer_that_is_there_changes_nothing()
    {
        NodeRecord node = Nodes.Vxlan(2);
        Apply(node);

        Assert.Empty(Apply(node with { Annotations = node.Annotations with { PublicIP = "router" } }));

        Assert.Equal("192.0.2.2", _book.Peers.ByKey["node-2"].Attributes.PublicIP.ToString());
        Assert.Equal(
            [
                "Warning: Node node-2: flannel.alpha.coreos.com/public-ip \"router\" is no IPv4 address; "
                    + "its lease stays as it was",
            ],
            _log.Lines);
    }

    [Fact]
    public void Stripped_annotations_tear_no_peer_down()
    {
        Apply(Nodes.Vxlan(2));

        Assert.Empty(Apply(Nodes.Bare(2)));
        Assert.Empty(Apply(Nodes.Bare(2) with { InternalIP = default }));

        Assert.Equal(Nodes.Attributes(2), _book.Peers.ByKey["node-2"].Attributes);
        Assert.Equal(1, _log.Count("flannel.alpha.coreos.com/kube-subnet-manager has vanished; its lease stays"));
        Assert.Single(_log.Lines);
    }

    [Fact]
    public void One_stripped_annotation_counts_as_it_was_while_another_changes()
    {
        NodeRecord node = Nodes.Vxlan(2);
        Apply(node);

        Assert.Equal(
            ["node-2"],
            Apply(node with { Annotations = node.Annotations with { BackendData = null, PublicIP = "192.0.2.22" } }));

        LeaseAttributes attributes = _book.Peers.ByKey["node-2"].Attributes;
        Assert.Equal("192.0.2.22", attributes.PublicIP.ToString());
        Assert.Equal(Nodes.Attributes(2).BackendData, attributes.BackendData);
    }

    [Fact]
    public void A_node_that_is_said_to_take_no_part_leaves()
    {
        NodeRecord node = Nodes.Vxlan(2);
        Apply(node);

        Assert.Equal(
            ["node-2"], Apply(node with { Annotations = node.Annotations with { KubeSubnetManager = "false" } }));
        Assert.Equal(0, _book.Peers.Count);
        Assert.Equal(["node-2"], Apply(node));
    }

    [Fact]
    public void A_node_made_anew_is_another_one()
    {
        Apply(Nodes.Vxlan(2));

        Assert.Equal(["node-2"], Apply(Nodes.Bare(2) with { Uid = "uid-22" }));
        Assert.Equal(0, _book.Peers.Count);
        Assert.Equal(
            ["node-2"], Apply(Nodes.Vxlan(2) with { Uid = "uid-22", PodCidrs = ["10.244.22.0/24"] }));
        Assert.Equal("10.244.22.0/24", _book.Peers.ByKey["node-2"].Subnet.ToString());
    }

    [Fact]
    public void Only_what_the_snapshot_names_is_looked_at()
    {
        Apply(Nodes.Vxlan(2), Nodes.Vxlan(3));

        HashSet<string> changed = _book.Apply(Nodes.Snapshot(Nodes.Vxlan(3)) with { Changed = ["node-1", "node-9"] });

        Assert.Empty(changed);
        Assert.Equal(2, _book.Peers.Count);
    }

    private HashSet<string> Apply(params NodeRecord[] nodes) => _book.Apply(Nodes.Snapshot(nodes));
}

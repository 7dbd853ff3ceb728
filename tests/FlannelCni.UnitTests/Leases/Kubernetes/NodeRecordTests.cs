using System.Reflection;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>Which records are the same: a heartbeat changes a Node's version, and nothing of ours.</summary>
public sealed class NodeRecordTests
{
    [Fact]
    public void A_heartbeat_leaves_a_record_equal() =>
        Assert.Equal(Samples.Node, Samples.Node with { ResourceVersion = 9999 });

    [Fact]
    public void Every_other_property_counts()
    {
        Dictionary<string, NodeRecord> others = new()
        {
            [nameof(NodeRecord.Name)] = Samples.Node with { Name = "x" },
            [nameof(NodeRecord.Uid)] = Samples.Node with { Uid = "x" },
            [nameof(NodeRecord.CreatedAt)] = Samples.Node with { CreatedAt = 1 },
            [nameof(NodeRecord.PodCidrs)] = Samples.Node with { PodCidrs = ["10.244.1.0/24"] },
            [nameof(NodeRecord.InternalIP)] = Samples.Node with { InternalIP = default },
            [nameof(NodeRecord.InternalIPv6)] = Samples.Node with { InternalIPv6 = IpAddr.Any6 },
            [nameof(NodeRecord.Annotations)] = Samples.Node with { Annotations = NodeAnnotations.None },
            [nameof(NodeRecord.NetworkUnavailable)] = Samples.Node with { NetworkUnavailable = null },
        };

        Assert.All(others.Values, static other => Assert.NotEqual(Samples.Node, other));
        Assert.Equal(
            others.Keys.Append(nameof(NodeRecord.ResourceVersion)).Order(),
            typeof(NodeRecord).GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Select(static property => property.Name).Order());
    }
}

using System.Collections.Immutable;
using System.Text;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>Nodes and network configs that tests begin with.</summary>
internal static class Nodes
{
    internal const string Json = """{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}""";

    internal const string DualJson =
        """
        {"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:10:244::/56",
         "Backend": {"Type": "vxlan"}}
        """;

    internal static AnnotationNames Names { get; } = AnnotationNames.Of("flannel.alpha.coreos.com");

    internal static NetworkConfig Network { get; } = Config(Json);

    internal static NetworkConfig DualNetwork { get; } = Config(DualJson);

    internal static NetworkConfig Config(string json) => NetworkConfigReader.Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>node-NUMBER with 10.244.NUMBER.0/24 and 192.0.2.NUMBER, without annotations.</summary>
    internal static NodeRecord Bare(int number) => new()
    {
        Name = $"node-{number}",
        Uid = $"uid-{number}",
        CreatedAt = 1000 + number,
        PodCidrs = [$"10.244.{number}.0/24"],
        InternalIP = IpAddr.Parse($"192.0.2.{number}"),
    };

    /// <summary>The same as a vxlan agent annotates it.</summary>
    internal static NodeRecord Vxlan(int number) =>
        Bare(number) with { Annotations = LeaseAnnotations.Compose(Attributes(number), NodeAnnotations.None) };

    /// <summary>The same with both families.</summary>
    internal static NodeRecord Dual(int number) => Bare(number) with
    {
        PodCidrs = [$"10.244.{number}.0/24", $"fd00:10:244:{number}::/64"],
        Annotations = LeaseAnnotations.Compose(DualAttributes(number), NodeAnnotations.None),
    };

    internal static LeaseAttributes Attributes(int number) => new(
        IpAddr.Parse($"192.0.2.{number}"), default, "vxlan", VtepJson($"0e:00:00:00:00:0{number}"), null);

    internal static LeaseAttributes DualAttributes(int number) => Attributes(number) with
    {
        PublicIPv6 = IpAddr.Parse($"2001:db8::{number}"),
        BackendV6Data = VtepJson($"0e:06:00:00:00:0{number}"),
    };

    internal static string VtepJson(string mac) => $$"""{"VNI":1,"VtepMAC":"{{mac}}"}""";

    internal static NodeSnapshot Snapshot(params IEnumerable<NodeRecord> nodes) => new(
        nodes.ToImmutableDictionary(static node => node.Name, StringComparer.Ordinal), Changed: null);
}

using System.Globalization;

namespace FlannelCni.TestKit;

/// <summary>
/// Pods as the plugin would make them, without a bridge. A router asks for no neighbour before its link-local address
/// is proved, so that nothing is.
/// </summary>
public static class TestPod
{
    /// <summary>
    /// A pod on a node: 10.244.NUMBER.2 and fd00:10:244:NUMBER::2 on eth0, behind the node, which forwards.
    /// </summary>
    public static TestNode AddTo(TestNode node, int number, int mtu = 1430)
    {
        TestNode pod = TestNode.Create();
        string v6 = number.ToString("x", CultureInfo.InvariantCulture);
        node.Shell(
            $"""
            sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
            ip link add pod up mtu {mtu} type veth peer name eth0 mtu {mtu} netns {pod.NamespacePath}
            ip address add 10.244.{number}.1/24 dev pod
            ip address add fd00:10:244:{v6}::1/64 dev pod nodad
            """);
        pod.Shell(
            $"""
            ip link set eth0 up
            ip address add 10.244.{number}.2/24 dev eth0
            ip address add fd00:10:244:{v6}::2/64 dev eth0 nodad
            ip route add default via 10.244.{number}.1
            ip -6 route add default via fd00:10:244:{v6}::1
            """);
        return pod;
    }
}

namespace FlannelCni.TestKit;

/// <summary>All that a node's kernel has for pods' packets, as iproute2 shows it, but for ifindexes.</summary>
internal static class KernelState
{
    private const string Show =
        """
        ip -oneline -details link show type vxlan | cut -d: -f2-
        ip -oneline address show scope global | cut -d: -f2-
        ip route show table main
        ip -6 route show table main | grep -v ^fe80:
        ip nexthop show
        for device in flannel.1 flannel-v6.1; do
          [ ! -e /proc/sys/net/ipv4/conf/$device ] || {
            ip -4 neighbour show nud permanent dev $device
            ip -6 neighbour show nud permanent dev $device
            bridge fdb show dev $device
          }
        done 2>/dev/null || true
        """;

    /// <summary>A line an entry, sorted.</summary>
    internal static string[] Of(TestNode node) =>
        [.. node.Shell(Show).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    /// <summary>In words what differs; null: nothing.</summary>
    internal static string? Difference(string[] before, string[] now)
    {
        string[] missing = [.. before.Except(now)];
        string[] added = [.. now.Except(before)];
        return missing.Length + added.Length == 0 ? null
            : $"{missing.Length} missing ({missing.FirstOrDefault()}), {added.Length} new ({added.FirstOrDefault()})";
    }
}

using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Backends;

/// <summary>What iproute2 sees of the agent's routes on the underlay, by their protocol number.</summary>
internal static class UnderlayRoutes
{
    /// <summary>As <c>10.244.2.0/24 via 192.0.2.2 dev eth0</c>, sorted.</summary>
    internal static IReadOnlyList<string> Of(TestNode node) => Lines(node.Shell("ip route show proto 244"));

    /// <summary>As <c>fd00:10:244:2::/64 via 2001:db8::2 dev eth0 metric 1024</c>, sorted.</summary>
    internal static IReadOnlyList<string> Of6(TestNode node) =>
        [.. Lines(node.Shell("ip -6 route show proto 244")).Select(static line => line.Replace(" pref medium", ""))];

    /// <summary>Both, to node 2 and so on as the harness composes their leases, where the kernel uses them.</summary>
    internal static bool AreExactly(TestNode node, params IEnumerable<int> numbers) =>
        Of(node).SequenceEqual(numbers.Select(static i => $"10.244.{i}.0/24 via 192.0.2.{i} dev eth0"))
        && Of6(node).SequenceEqual(
            numbers.Select(static i => $"fd00:10:244:{i:x}::/64 via 2001:db8::{i:x} dev eth0 metric 1024"));

    private static string[] Lines(string output) =>
    [
        .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Order(StringComparer.Ordinal),
    ];
}

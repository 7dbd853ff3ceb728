using System.Text.Json;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>What iproute2 sees of peers on <c>flannel.1</c> or <c>flannel-v6.1</c>.</summary>
internal static class Peers
{
    /// <summary>
    /// Neighbours as <c>10.244.2.0 0e:00:00:00:00:02 PERMANENT</c>, sorted; those the kernel keeps itself left out.
    /// </summary>
    internal static IReadOnlyList<string> Neighbours(TestNode node, string device = "flannel.1") => Sorted(
        Entries(node, device, $"ip -json {Family(device)} neighbour show dev {device}"),
        static n => n.GetProperty("state")[0].GetString() == "PERMANENT"
            ? $"{n.GetProperty("dst")} {Text(n, "lladdr")} PERMANENT"
            : null);

    /// <summary>FDB entries as <c>0e:00:00:00:00:02 192.0.2.2 permanent</c>, sorted.</summary>
    internal static IReadOnlyList<string> Fdb(TestNode node, string device = "flannel.1") => Sorted(
        Entries(node, device, $"bridge -json fdb show dev {device}"),
        static f => $"{f.GetProperty("mac")} {Text(f, "dst")}{Prefixed(" port ", Text(f, "port"))} {Text(f, "state")}");

    /// <summary>Routes of the main table as <c>10.244.2.0/24 via 10.244.2.0 onlink</c>, sorted.</summary>
    internal static IReadOnlyList<string> Routes(TestNode node, string device = "flannel.1") => Sorted(
        Entries(node, device, $"ip -json {Family(device)} route show table main dev {device}"),
        static r => Text(r, "gateway") is { Length: > 0 } gateway
            ? $"{r.GetProperty("dst")} via {gateway} {string.Join(' ', r.GetProperty("flags").EnumerateArray())}"
            : null);

    /// <summary>All three, of node 2 and so on as the harness composes their leases.</summary>
    internal static bool AreExactly(TestNode node, params IEnumerable<int> numbers) =>
        Neighbours(node).SequenceEqual(Expected(numbers, static i => $"10.244.{i}.0 0e:00:00:00:00:{i:x2} PERMANENT"))
        && Fdb(node).SequenceEqual(Expected(numbers, static i => $"0e:00:00:00:00:{i:x2} 192.0.2.{i} permanent"))
        && Routes(node).SequenceEqual(Expected(numbers, static i => $"10.244.{i}.0/24 via 10.244.{i}.0 onlink"));

    /// <summary>As <see cref="AreExactly"/>, of IPv6.</summary>
    internal static bool AreExactly6(TestNode node, params IEnumerable<int> numbers) =>
        Neighbours(node, "flannel-v6.1").SequenceEqual(
            Expected(numbers, static i => $"fd00:10:244:{i:x}:: 0e:06:00:00:00:{i:x2} PERMANENT"))
        && Fdb(node, "flannel-v6.1").SequenceEqual(
            Expected(numbers, static i => $"0e:06:00:00:00:{i:x2} 2001:db8::{i:x} permanent"))
        && Routes(node, "flannel-v6.1").SequenceEqual(
            Expected(numbers, static i => $"fd00:10:244:{i:x}::/64 via fd00:10:244:{i:x}:: onlink"));

    private static IEnumerable<string> Expected(IEnumerable<int> numbers, Func<int, string> line) =>
        numbers.Select(line).Order(StringComparer.Ordinal);

    private static string[] Sorted(JsonElement array, Func<JsonElement, string?> line) =>
        [.. array.EnumerateArray().Select(line).OfType<string>().Order(StringComparer.Ordinal)];

    // A device that is gone for the moment has none: whoever waits for them looks again.
    private static JsonElement Entries(TestNode node, string device, string command) =>
        node.ShellJson($"if [ -e /proc/sys/net/ipv4/conf/{device} ]; then {command} || echo '[]'; else echo '[]'; fi");

    private static string Family(string device) =>
        device.StartsWith("flannel-v6", StringComparison.Ordinal) ? "-6" : "-4";

    private static string Text(JsonElement element, string property) =>
        element.TryGetProperty(property, out JsonElement value) ? value.ToString() : "";

    private static string Prefixed(string prefix, string text) => text.Length == 0 ? "" : prefix + text;
}

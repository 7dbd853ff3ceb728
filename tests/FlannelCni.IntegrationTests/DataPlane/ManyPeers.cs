using System.Text.Json;
using FlannelCni.Agent.DataPlane;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>What iproute2 sees of the first peers of a <see cref="LargeCluster"/>.</summary>
internal static class ManyPeers
{
    /// <summary>In words what differs from all that these peers need, and from nothing else; null: nothing.</summary>
    /// <param name="hasNexthops">Their routes go through nexthop objects.</param>
    internal static string? WhatDiffers(TestNode node, int count, bool hasNexthops) =>
        Difference("neighbour", Neighbours(node), count, static i =>
            $"{LargeCluster.SubnetBase(i)} {LargeCluster.Mac(i)}")
        ?? Difference("fdb", Fdb(node), count, static i => $"{LargeCluster.Mac(i)} {LargeCluster.PublicIP(i)}")
        ?? Difference("nexthop", Nexthops(node), hasNexthops ? count : 0, static i =>
            $"{Id(i)} {LargeCluster.SubnetBase(i)}")
        ?? Difference("route", Routes(node), count, i =>
            $"{LargeCluster.SubnetBase(i)}/24 {LargeCluster.SubnetBase(i)} {(hasNexthops ? Id(i) : "")}");

    /// <summary>Of the nexthop of a peer.</summary>
    internal static string Id(int number) => $"{NexthopKey.Of(LargeCluster.SubnetBase(number)).Id}";

    private static IEnumerable<string> Neighbours(TestNode node) =>
        Read(node, "ip -json -4 neighbour show nud permanent dev flannel.1", "dst", "lladdr");

    private static IEnumerable<string> Fdb(TestNode node) =>
        Read(node, "bridge -json fdb show dev flannel.1", "mac", "dst");

    private static IEnumerable<string> Nexthops(TestNode node) => Read(node, "ip -json nexthop show", "id", "gateway");

    private static IEnumerable<string> Routes(TestNode node) =>
        Read(node, "ip -json -4 route show table main dev flannel.1", "dst", "gateway", "nhid");

    private static IEnumerable<string> Read(TestNode node, string command, params string[] members) =>
        node.ShellJson($"{command} || true").EnumerateArray().Select(entry => string.Join(' ', members.Select(
            member => entry.TryGetProperty(member, out JsonElement value) ? value.ToString() : "")));

    private static string? Difference(string kind, IEnumerable<string> actual, int count, Func<int, string> expected)
    {
        HashSet<string> wanted = [.. Enumerable.Range(0, count).Select(expected)];
        List<string> foreign = [.. actual.Where(entry => !wanted.Remove(entry))];
        return wanted.Count + foreign.Count == 0 ? null
            : $"{kind}: {wanted.Count} missing ({wanted.FirstOrDefault()}), "
            + $"{foreign.Count} too many ({foreign.FirstOrDefault()})";
    }
}

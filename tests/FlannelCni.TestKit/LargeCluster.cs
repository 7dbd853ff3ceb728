using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.TestKit;

/// <summary>Leases of up to 60,000 nodes beside the one of the harness, of one family, in 10.0.0.0/8.</summary>
internal static class LargeCluster
{
    internal static readonly IpPrefix Network = IpPrefix.Parse("10.0.0.0/8");

    private static readonly IpAddr s_firstSubnet = IpAddr.Parse("10.1.0.0");
    private static readonly IpAddr s_firstSubnet6 = IpAddr.Parse("fd00:10:244:1000::");
    private static readonly IpAddr s_firstPublicIP6 = IpAddr.Parse("2001:db8::1:0");
    private static readonly IpAddr s_firstPublicIP = IpAddr.Parse("172.16.0.0");

    /// <summary>Of the nodes from 0 on.</summary>
    internal static IReadOnlyList<Lease> Leases(int count) => [.. Enumerable.Range(0, count).Select(i => LeaseOf(i))];

    /// <summary>One node's; of another generation it has another address and MAC.</summary>
    internal static Lease LeaseOf(int number, int generation = 0) => new(
        $"node{number}",
        new IpPrefix(SubnetBase(number), 24),
        default,
        new LeaseAttributes(
            PublicIP(number, generation),
            default,
            VxlanBackend.TypeName,
            new VtepData(1, Mac(number, generation)).ToJson(),
            null),
        new Seniority(number, $"node{number}"));

    /// <summary>The same with IPv6 beside it, on eth0's own link if that has 2001:db8::/64.</summary>
    internal static Lease DualLeaseOf(int number)
    {
        Lease lease = LeaseOf(number);
        return lease with
        {
            IPv6Subnet = new IpPrefix(SubnetBase6(number), 64),
            Attributes = lease.Attributes with
            {
                PublicIPv6 = PublicIP6(number),
                BackendV6Data = new VtepData(1, Mac6(number)).ToJson(),
            },
        };
    }

    /// <summary>A line for each node, for a batch tool to read.</summary>
    internal static string Lines(int count, Func<int, string> line) =>
        string.Concat(Enumerable.Range(0, count).Select(i => line(i) + '\n'));

    /// <summary>The route to a node as upstream makes it, for <c>ip -batch</c>.</summary>
    internal static string PlainRoute(int number) =>
        $"route replace {SubnetBase(number)}/24 via {SubnetBase(number)} dev flannel.1 onlink";

    internal static IpAddr SubnetBase(int number) => s_firstSubnet.Add((UInt128)(number * 256));

    internal static IpAddr SubnetBase6(int number) => s_firstSubnet6.Add((UInt128)number << 64);

    internal static IpAddr PublicIP6(int number) => s_firstPublicIP6.Add((UInt128)number);

    internal static MacAddress Mac6(int number) => Mac(number, generation: 6);

    internal static IpAddr PublicIP(int number, int generation = 0) =>
        s_firstPublicIP.Add((UInt128)(number + (generation << 17)));

    internal static MacAddress Mac(int number, int generation = 0) =>
        MacAddress.Parse($"0e:{generation:x2}:00:{number >> 16:x2}:{(number >> 8) & 255:x2}:{number & 255:x2}");
}

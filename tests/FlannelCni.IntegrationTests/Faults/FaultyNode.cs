using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Faults;

/// <summary>A kind of node, and what can be done to it.</summary>
/// <param name="Backend">Of net-conf.json.</param>
/// <param name="Peers">How many others there are; peer 0 is the victim.</param>
internal sealed record FaultyNode(string Backend, bool HasIPv4, bool HasIPv6, int Peers)
{
    private const string Addresses =
        """
        ip address replace 192.0.2.1/24 dev eth0
        ip address replace 172.31.255.254/12 dev eth0
        ip address replace 2001:db8::1/64 dev eth0 nodad

        """;

    private static readonly bool[] s_families = [false, true];    // is it IPv6?

    private bool IsVxlan => Backend == "vxlan";

    private IEnumerable<bool> Families => s_families.Where(is6 => is6 ? HasIPv6 : HasIPv4);

    internal IEnumerable<Lease> Leases => Enumerable.Range(1, Peers).Select(LargeCluster.DualLeaseOf).Select(
        lease => IsVxlan ? lease : lease with
        {
            Attributes = lease.Attributes with { BackendType = Backend, BackendData = null, BackendV6Data = null },
        });

    /// <summary>On a node whose eth0 has all peers on its link.</summary>
    internal Task<DataPlaneHarness> StartAsync(TestNode node, TestFolder state)
    {
        node.Shell(Addresses);
        return DataPlaneHarness.StartAsync(
            node,
            1,
            state,
            $$"""{"Type":"{{Backend}}"}""",
            isDualStack: HasIPv6,
            network: LargeCluster.Network,
            hasIPv4: HasIPv4);
    }

    /// <summary>Entries of others beside ours.</summary>
    internal string Foreign => string.Join('\n', Families.SelectMany(is6 => IsVxlan ? ForeignOnTunnel(is6) : [])
        .Concat(Families.SelectMany(ForeignRoutes)));

    /// <summary>What takes others' entries on the device with it.</summary>
    internal IEnumerable<Fault> OfDevices() => Families.SelectMany(is6 => IsVxlan ? OfDevice(is6) : []).Concat(
    [
        new Fault($"ip link set eth0 down; ip link set eth0 up; {Addresses}"),
        new Fault(
            $"""
            ip link del eth0
            ip link add eth0 type veth peer name far
            ip link set far up
            ip link set eth0 up
            {Addresses}
            """),
    ]);

    /// <summary>What leaves others' entries where they are.</summary>
    internal IEnumerable<Fault> OfEntries() => Families.SelectMany(is6 => OfRoutes(is6).Concat(
        IsVxlan ? OfTunnelEntries(is6) : []));

    private static string Ip(bool is6) => is6 ? "ip -6" : "ip";

    private static string Device(bool is6) => is6 ? "flannel-v6.1" : "flannel.1";

    private static IpAddr Base(bool is6, int peer) =>
        is6 ? LargeCluster.SubnetBase6(peer) : LargeCluster.SubnetBase(peer);

    private static IpPrefix Subnet(bool is6, int peer) => new(Base(is6, peer), is6 ? 64 : 24);

    private static MacAddress Mac(bool is6, int peer) => is6 ? LargeCluster.Mac6(peer) : LargeCluster.Mac(peer);

    private static IEnumerable<Fault> OfDevice(bool is6)
    {
        (string ip, string device) = (Ip(is6), Device(is6));
        yield return new Fault($"ip link del {device}");
        yield return new Fault($"ip link set {device} down");
        yield return new Fault($"ip link set {device} down; ip link set {device} up");
        yield return new Fault($"ip link set {device} address 0e:aa:aa:aa:aa:aa");
        yield return new Fault($"ip link set {device} mtu 1300");
        yield return new Fault($"ip link set {device} type vxlan learning");
        yield return new Fault($"{ip} address flush dev {device} scope global");
        yield return new Fault($"{ip} route flush dev {device}");
        yield return new Fault($"{ip} address add {IpPrefix.Host(Base(is6, 3))} dev {device}");
        yield return new Fault(
            $"ip link del {device}; ip link add {device} type vxlan id 1 dev eth0 dstport 4789 nolearning"
            + (is6 ? " local 2001:db8::1" : " local 192.0.2.1") + " || true");    // ours may be quicker
    }

    private IEnumerable<Fault> OfRoutes(bool is6)
    {
        (string ip, IpPrefix subnet) = (Ip(is6), Subnet(is6, 1));
        string elsewhere = is6 ? "via 2001:db8::99 dev eth0" : "via 192.0.2.99 dev eth0";
        string ours = IsVxlan ? "proto boot" : "proto 244";
        yield return new Fault($"{ip} route del {subnet} {ours}") { IsOfOneEntry = true };
        yield return new Fault($"{ip} route replace {subnet} {elsewhere}") { IsOfOneEntry = !is6 };
        yield return new Fault($"{ip} route prepend {subnet} {elsewhere}") { IsOfOneEntry = !is6 };
        yield return new Fault($"{ip} route replace blackhole {subnet}") { IsOfOneEntry = !is6 };
        yield return is6
            ? new Fault(
                $"{ip} route del {subnet} {ours}; {ip} route add blackhole {subnet}; "
                + $"{ip} route prepend {subnet} {elsewhere}")
            : new Fault($"{ip} route prepend blackhole {subnet}") { IsOfOneEntry = true };
        yield return IsVxlan
            ? new Fault($"{ip} -force -batch - || true", Lines(peer => $"route del {Subnet(is6, peer)} {ours}"))
            : new Fault($"{ip} route flush proto 244");
        yield return new Fault(
            $"for i in 1 2 3 4 5; do {ip} route del {subnet} {ours}; sleep 0.05; done 2>/dev/null || true");
    }

    private IEnumerable<Fault> OfTunnelEntries(bool is6)
    {
        (string ip, string device, IpAddr gateway) = (Ip(is6), Device(is6), Base(is6, 1));
        (MacAddress mac, string elsewhere) = (Mac(is6, 1), is6 ? "2001:db8::99" : "192.0.2.99");
        yield return new Fault($"{ip} neighbour del {gateway} dev {device}") { IsOfOneEntry = true };
        yield return new Fault($"{ip} neighbour replace {gateway} lladdr 0e:bb:bb:bb:bb:bb dev {device}")
        {
            IsOfOneEntry = true,
        };
        yield return new Fault(
            $"{ip} -force -batch - || true", Lines(peer => $"neighbour del {Base(is6, peer)} dev {device}"));
        yield return new Fault($"bridge fdb del {mac} dev {device}") { IsOfOneEntry = true };
        yield return new Fault($"bridge fdb replace {mac} dst {elsewhere} dev {device}") { IsOfOneEntry = true };
        yield return new Fault(
            "bridge -force -batch - || true", Lines(peer => $"fdb del {Mac(is6, peer)} dev {device}"));
    }

    private static IEnumerable<string> ForeignOnTunnel(bool is6)
    {
        string device = Device(is6);
        yield return $"{Ip(is6)} route add {(is6 ? "2001:db8:77::/64" : "198.51.100.0/24")} dev {device}";
        yield return $"{Ip(is6)} neighbour add {Base(is6, 1).Add(7)} lladdr 0e:00:00:00:ff:60 dev {device}";
        yield return $"bridge fdb append 00:00:00:00:00:00 dst {(is6 ? "2001:db8::70" : "192.0.2.70")} dev {device}";
        yield return $"bridge fdb append 00:00:00:00:00:00 dst {(is6 ? "2001:db8::71" : "192.0.2.71")} dev {device}";
    }

    private static IEnumerable<string> ForeignRoutes(bool is6)
    {
        string elsewhere = is6 ? "via 2001:db8::99 dev eth0" : "via 192.0.2.99 dev eth0";
        yield return $"{Ip(is6)} route add {Subnet(is6, 1)} {elsewhere} metric 5000 proto static";
        yield return $"{Ip(is6)} route add {(is6 ? "2001:db8:99::/48" : "198.18.0.0/15")} {elsewhere}";
    }

    private string Lines(Func<int, string> line) =>
        string.Concat(Enumerable.Range(1, Peers).Select(peer => line(peer) + '\n'));
}

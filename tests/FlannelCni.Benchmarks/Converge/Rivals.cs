using System.Diagnostics;
using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Processes;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Converge;

/// <summary>Others that make the same entries, each on a new node with its tunnel device.</summary>
internal static class Rivals
{
    /// <summary><c>ip -batch</c> and <c>bridge -batch</c>, three starts, texts made before.</summary>
    internal static TimeSpan Tools(int peers, bool hasNexthops)
    {
        using TestCluster cluster = Create();
        string neighbours = LargeCluster.Lines(peers, static i =>
            $"neighbour replace {LargeCluster.SubnetBase(i)} lladdr {LargeCluster.Mac(i)} dev flannel.1");
        string fdb = LargeCluster.Lines(peers, static i =>
            $"fdb replace {LargeCluster.Mac(i)} dev flannel.1 dst {LargeCluster.PublicIP(i)} self permanent");
        string routes = hasNexthops
            ? LargeCluster.Lines(peers, static i =>
                $"nexthop add id {i + 1} via {LargeCluster.SubnetBase(i)} dev flannel.1 onlink")
            + LargeCluster.Lines(peers, static i => $"route replace {LargeCluster.SubnetBase(i)}/24 nhid {i + 1}")
            : LargeCluster.Lines(peers, LargeCluster.PlainRoute);

        return cluster.Nodes[0].Namespace.Run(() =>
        {
            long start = Stopwatch.GetTimestamp();
            Batch("/sbin/ip", neighbours);
            Batch("/sbin/bridge", fdb);
            Batch("/sbin/ip", routes);
            return Stopwatch.GetElapsedTime(start);
        });
    }

    /// <summary>As upstream does it: peer after peer, a socket for each request, plain routes.</summary>
    internal static TimeSpan OneByOne(int peers)
    {
        using TestCluster cluster = Create();
        int device = cluster.Nodes[0].Rtnl.GetLink("flannel.1").Index;
        return cluster.Nodes[0].Namespace.Run(() =>
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < peers; i++)
            {
                IpAddr gateway = LargeCluster.SubnetBase(i);
                Once(socket => socket.ReplaceNeighbour(new Neighbour(device, gateway, LargeCluster.Mac(i))));
                Once(socket => socket.ReplaceFdbEntry(
                    new FdbEntry(device, LargeCluster.Mac(i), LargeCluster.PublicIP(i))));
                Once(socket => socket.ReplaceRoute(new Route(new IpPrefix(gateway, 24))
                {
                    Gateway = gateway,
                    OutInterface = device,
                    IsOnlink = true,
                }));
            }

            return Stopwatch.GetElapsedTime(start);
        });
    }

    private static void Once(Action<RtnlSocket> request)
    {
        using RtnlSocket socket = RtnlSocket.Open();
        request(socket);
    }

    private static TestCluster Create()
    {
        TestCluster cluster = TestCluster.Create(1);
        cluster.Nodes[0].Shell(
            """
            ip link add flannel.1 type vxlan id 1 dstport 8472 dev eth0 local 192.0.2.1 nolearning
            ip address add 10.244.1.0/32 dev flannel.1
            ip link set flannel.1 up
            """);
        return cluster;
    }

    private static void Batch(string tool, string input)
    {
        using ChildProcess child = ChildProcess.Start(tool, ["-batch", "-"], [], Encoding.ASCII.GetBytes(input));
        ChildResult result = child.Wait();
        if (result.ExitStatus != 0)
        {
            throw new InvalidOperationException($"{tool} -batch: {Encoding.UTF8.GetString(result.Error)}");
        }
    }
}

using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Netlink;

/// <summary>Whole tables, long ones and such that change meanwhile.</summary>
public sealed class DumpTests : IDisposable
{
    private readonly TestNode _node = TestNode.Create();

    public void Dispose() => _node.Dispose();

    // IPv6 routes may be listed twice, or be left out, and the kernel does not say so: see NetlinkSocket.Dump.
    [Fact]
    public void IPv4_routes_that_stay_are_all_listed_once_while_others_come_and_go()
    {
        _node.Shell("ip link set lo up; ip link add eth0 type veth peer name far; ip link set eth0 up");
        int link = _node.Rtnl.GetLink("eth0").Index;
        IpAddr start = IpAddr.Parse("10.0.0.0");
        RtnlBatch stay = new();
        for (int i = 0; i < 3000; i++)
        {
            stay.ReplaceRoute(new Route(IpPrefix.Host(start.Add((UInt128)(2 * i)))) { OutInterface = link });
        }

        Assert.Empty(_node.Rtnl.Execute(stay));
        RouteFilter filter = new(Is6: false) { Protocol = RouteProtocol.RTPROT_BOOT };

        List<List<Route>> lists = WhileAnotherThreadChanges(
            (socket, i) =>
            {
                Route other = new(IpPrefix.Host(start.Add((UInt128)((2 * (i % 3000)) + 1)))) { OutInterface = link };
                socket.ReplaceRoute(other);
                socket.DeleteRouteIfPresent(other);
            },
            () => _node.Rtnl.ListRoutes(filter));

        Assert.All(lists, static routes => Assert.Equal(3000, routes.Count(IsEven)));
    }

    [Fact]
    public void Links_that_stay_are_all_listed_while_others_come_and_go()
    {
        _node.Shell(
            "ip -batch -",
            string.Concat(Enumerable.Range(0, 100).Select(static i => $"link add br{i} type bridge\n")));

        List<List<Link>> lists = WhileAnotherThreadChanges(
            static (socket, _) =>
            {
                socket.AddBridge("other", default, 0);
                socket.DeleteLinkIfPresent("other");
            },
            () => _node.Rtnl.ListLinks());

        Assert.All(lists, static links => Assert.Equal(100, links.Count(static l => l.Name is ['b', 'r', ..])));
    }

    private static bool IsEven(Route route) => (route.Destination.Address.ToUInt128() & 1) == 0;

    /// <summary>What a dump gave each time, at least 20 times, while another socket's changes went on.</summary>
    private List<List<T>> WhileAnotherThreadChanges<T>(Action<RtnlSocket, int> change, Func<List<T>> dump)
    {
        using RtnlSocket socket = _node.Namespace.Run(RtnlSocket.Open);
        bool stop = false;
        int changes = 0;
        Thread thread = new(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                change(socket, changes++);
            }
        });
        thread.Start();
        List<List<T>> lists = [];
        try
        {
            while (lists.Count < 20)
            {
                lists.Add(dump());
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            thread.Join();
        }

        Assert.NotEqual(0, changes);
        return lists;
    }
}

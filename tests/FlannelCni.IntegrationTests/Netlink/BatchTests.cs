using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Netlink;

/// <summary>Many changes in few sends, and what becomes of those that fail.</summary>
public sealed class BatchTests : IDisposable
{
    private readonly TestNode _node = TestNode.Create();
    private readonly int _link;

    public BatchTests()
    {
        _node.Shell(
            "ip link set lo up; ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up");
        _link = _node.Rtnl.GetLink("eth0").Index;
    }

    private RtnlSocket Rtnl => _node.Rtnl;

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Thousands_of_neighbours_are_made_and_listed()
    {
        RtnlBatch batch = new();
        for (int i = 0; i < 8000; i++)
        {
            batch.ReplaceNeighbour(Neighbour(i));
        }

        IReadOnlyList<BatchFailure> failures = Rtnl.Execute(batch);

        Assert.Empty(failures);
        Assert.Equal(
            Enumerable.Range(0, 8000).Select(Neighbour).OrderBy(static n => n.Address),
            Rtnl.ListNeighbours(is6: false, _link).OrderBy(static n => n.Address));
        Assert.Equal("8000", _node.Shell("ip neighbour show dev eth0 nud permanent | wc -l").Trim());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(150)]
    [InlineData(299)]
    public void A_failure_is_named_by_its_number_and_the_others_are_done(int failing)
    {
        RtnlBatch batch = new();
        for (int i = 0; i < 300; i++)
        {
            batch.ReplaceRoute(i == failing ? Route(i) with { IsOnlink = false } : Route(i));
        }

        IReadOnlyList<BatchFailure> failures = Rtnl.Execute(batch);

        Assert.Equal([new BatchFailure(failing, Errno.ENETUNREACH, "Nexthop has invalid gateway")], failures);
        Assert.Equal(299, ListRoutes().Count);
        Assert.DoesNotContain(Route(failing), ListRoutes());
    }

    [Fact]
    public void Thousands_of_failures_are_all_named_in_order()
    {
        RtnlBatch batch = new();
        for (int i = 0; i < 5000; i++)
        {
            batch.DeleteRoute(Route(i));
        }

        IReadOnlyList<BatchFailure> failures = Rtnl.Execute(batch);

        Assert.Equal(Enumerable.Range(0, 5000), failures.Select(static f => f.Index));
        Assert.All(failures, static f => Assert.Equal(Errno.ESRCH, f.Errno));
    }

    [Fact]
    public void Failures_are_named_by_one_who_may_not_have_a_large_buffer()
    {
        // In a user namespace of its own SO_RCVBUFFORCE is refused: cut into smaller sends.
        string self = Environment.ProcessPath!;
        const string Test = nameof(Thousands_of_failures_are_all_named_in_order);
        string output = Shell.Run($"unshare -Urn {self} --no-ansi --filter-method '*.{Test}' 2>&1 || true");

        Assert.Contains("succeeded: 1", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_is_carried_out_in_its_order()
    {
        RtnlBatch batch = new();
        batch.AddNexthop(new Nexthop(77, IpAddr.Parse("10.0.0.1"), _link) { IsOnlink = true });
        batch.ReplaceRoute(new Route(IpPrefix.Parse("10.1.0.0/24")) { NexthopId = 77 });
        batch.AddNexthop(new Nexthop(77, IpAddr.Parse("10.0.0.2"), _link) { IsOnlink = true });
        batch.ReplaceNexthop(new Nexthop(77, IpAddr.Parse("10.0.0.3"), _link) { IsOnlink = true });
        batch.DeleteNeighbour(Neighbour(1));
        batch.ReplaceNeighbour(Neighbour(1));
        batch.DeleteNexthop(78);

        IReadOnlyList<BatchFailure> failures = Rtnl.Execute(batch);

        Assert.Equal(
            [(2, Errno.EEXIST), (4, Errno.ENOENT), (6, Errno.ENOENT)],
            failures.Select(static f => (f.Index, f.Errno)));
        Assert.Equal("10.0.0.3", Assert.Single(Rtnl.ListRoutes(new RouteFilter(Is6: false))).Gateway.ToString());
    }

    [Fact]
    public void An_empty_batch_does_nothing_and_a_batch_can_be_sent_again()
    {
        RtnlBatch batch = new();
        Assert.Empty(Rtnl.Execute(batch));
        batch.ReplaceRoute(Route(1));

        Assert.Empty(Rtnl.Execute(batch));
        Assert.Empty(Rtnl.Execute(batch));
        Assert.Equal([Route(1)], ListRoutes());
    }

    private Neighbour Neighbour(int i) =>
        new(_link, IpAddr.Parse("10.0.0.0").Add((UInt128)i), MacAddress.LocallyAdministered((ulong)i));

    private Route Route(int i) => new(new IpPrefix(IpAddr.Parse("10.0.0.0").Add((UInt128)(i * 256)), 24))
    {
        Gateway = IpAddr.Parse("10.0.0.0").Add((UInt128)(i * 256)),
        OutInterface = _link,
        IsOnlink = true,
    };

    private List<Route> ListRoutes() => Rtnl.ListRoutes(new RouteFilter(Is6: false));
}

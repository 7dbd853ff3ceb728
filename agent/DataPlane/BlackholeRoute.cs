using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// A route for this node's subnet that swallows what no pod has: a packet to a pod that is gone does not leave by the
/// default route. Its metric is the greatest there is, so that every route to pods comes before it.
/// </summary>
/// <param name="isWanted">False: what an earlier run of this agent made goes.</param>
internal sealed class BlackholeRoute(RtnlSocket rtnl, bool is6, bool isWanted) : ITable
{
    private readonly List<Route> _unwanted = [];
    private Route? _missing;
    private bool _wasThere;     // at an earlier look: what is missing now, somebody else removed
    private bool _isDone;       // nobody wants one, and none is there

    public string Kind => "blackhole";

    public ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _unwanted.Clear();
        _missing = null;
        if (_isDone || !(scope.IsFull || scope.Events.Any(IsAboutOurs)))
        {
            return ValueTask.CompletedTask;
        }

        IpPrefix own = isWanted ? input.OwnSubnet(is6) : default;
        Route wanted = new(own)
        {
            Type = RouteType.RTN_BLACKHOLE,
            Protocol = RouteEntry.OwnProtocol,
            Metric = uint.MaxValue,
        };
        List<Route> ours = rtnl.ListRoutes(new RouteFilter(is6) { Protocol = RouteEntry.OwnProtocol })
            .FindAll(route => IsOurs(route) && input.NetworkOf(is6).Contains(route.Destination));
        _unwanted.AddRange(ours.Where(route => route.Destination != own));
        _missing = own.IsNone || ours.Exists(route => route.Destination == own) ? null : wanted;
        return ValueTask.CompletedTask;
    }

    public ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken)
    {
        if (_missing is not { } route)
        {
            return ValueTask.FromResult(TableResult.Nothing);
        }

        rtnl.ReplaceRoute(route);
        IReadOnlyList<string> drifted = _wasThere ? [route.Destination.ToString()] : [];
        _wasThere = true;
        return ValueTask.FromResult(new TableResult(1, drifted, []));
    }

    public ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken)
    {
        int deleted = _unwanted.Count(route => rtnl.DeleteRouteIfPresent(route));
        _isDone = !isWanted;
        return ValueTask.FromResult(new TableResult(deleted, [], []));
    }

    private bool IsAboutOurs(RtnlEvent kernelEvent) =>
        kernelEvent.Kind == RtnlEventKind.Route && kernelEvent.PortId != rtnl.PortId && IsOurs(kernelEvent.Route);

    private bool IsOurs(in Route route) =>
        route.Type == RouteType.RTN_BLACKHOLE
        && route.Protocol == RouteEntry.OwnProtocol
        && route.Table == RouteTable.RT_TABLE_MAIN
        && route.Destination.Is6 == is6;
}

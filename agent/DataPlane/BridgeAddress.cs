using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// The pods' bridge after this node got another subnet: while pods of the old one live they keep their gateway, and
/// when the last is gone the old address goes too, before it keeps the plugin from making the new one.
/// </summary>
internal sealed class BridgeAddress(RtnlSocket rtnl, bool is6) : ITable
{
    /// <summary>As the plugin calls it unless told otherwise.</summary>
    private const string Name = "cni0";

    private readonly List<IpPrefix> _old = [];
    private int _index;
    private int _pods;
    private IpPrefix _wanted;
    private bool _isThere;
    private bool _wasLooked;    // by this run
    private string _said = "";

    public string Kind => "bridge";

    public ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _old.Clear();
        _wasLooked = scope.IsFull;
        IpPrefix own = input.OwnSubnet(is6);
        if (_wasLooked && !own.IsNone && rtnl.FindLink(Name) is { IsBridge: true } bridge)
        {
            _index = bridge.Index;
            _wanted = new IpPrefix(own.Base.Add(1), own.Length);
            List<IpPrefix> held = [.. rtnl.ListAddresses(is6, _index).Select(static address => address.Prefix)];
            _isThere = held.Contains(_wanted);
            _old.AddRange(held.Where(address => address != _wanted && input.NetworkOf(is6).Contains(address)));
            _pods = _old.Count == 0 ? 0 : rtnl.ListPorts(_index).Count;
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The new address first: the bridge is never without one.</summary>
    public ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken)
    {
        if (_old.Count > 0 && _pods == 0 && !_isThere)
        {
            rtnl.AddAddress(new LinkAddress(_index, _wanted) { Flags = is6 ? AddressFlags.IFA_F_NODAD : default });
            return ValueTask.FromResult(new TableResult(1, [], []));
        }

        return ValueTask.FromResult(TableResult.Nothing);
    }

    public ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken)
    {
        if (_old.Count == 0)
        {
            _said = _wasLooked ? "" : _said;
            return ValueTask.FromResult(TableResult.Nothing);
        }

        string old = string.Join(", ", _old);
        if (_pods > 0)
        {
            string warning = $"{Name} keeps the address {old} of another subnet while pods are on it ({_pods}): "
                + $"restart them to move them to {_wanted.Masked}";
            IReadOnlyList<string> warnings = _said == old ? [] : [warning];
            _said = old;
            return ValueTask.FromResult(TableResult.Nothing with { Warnings = warnings });
        }

        _old.ForEach(address => rtnl.DeleteAddressIfPresent(_index, address));
        return ValueTask.FromResult(new TableResult(_old.Count, [], [])
        {
            Notes = [$"{Name} without pods had the address {old} of another subnet and has {_wanted} now"],
        });
    }
}

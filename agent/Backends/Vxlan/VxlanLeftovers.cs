using System.Globalization;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>
/// VXLAN devices of flannel's that no backend keeps: of a former VNI, of a family that was switched off, of the time
/// before another backend. They go when this process first has its own tables right, and only where they are provably
/// this agent's: another one with another network may live on the same host.
/// </summary>
/// <param name="macFile">Knows the devices that this node's agent made or adopted.</param>
/// <param name="kept">Names of the backend's own devices.</param>
internal sealed class VxlanLeftovers(RtnlSocket rtnl, VxlanMacFile macFile, IReadOnlyList<string> kept) : ITable
{
    private List<Link> _found = [];
    private bool _isDone;    // what appears later, somebody makes who is alive

    public string Kind => "device";

    public ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken)
    {
        _found = _isDone || !scope.IsFull
            ? []
            : rtnl.ListLinks("vxlan").FindAll(link => IsFlannels(link) && IsOurs(link, input));
        return ValueTask.CompletedTask;
    }

    public ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(TableResult.Nothing);

    public ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken)
    {
        List<string> notes = [];
        List<string> failures = [];
        foreach (Link link in _found)
        {
            try
            {
                rtnl.DeleteLink(link.Index);
                notes.Add($"Removed {link.Name}, which an earlier configuration of this node had left");
            }
            catch (NetlinkException e) when (e.Errno is not Errno.ENODEV)
            {
                failures.Add(e.Message);
            }
        }

        _isDone |= failures.Count == 0;
        return ValueTask.FromResult(new TableResult(notes.Count, [], failures) { Notes = notes });
    }

    private bool IsFlannels(Link link) => link.Vxlan is { } vxlan
        && !kept.Contains(link.Name)
        && (link.Name == string.Create(CultureInfo.InvariantCulture, $"flannel.{vxlan.Vni}")
            || link.Name == string.Create(CultureInfo.InvariantCulture, $"flannel-v6.{vxlan.Vni}"));

    // Upstream's has no file of ours, but its subnet's base as a host address, in our network.
    private bool IsOurs(Link link, PlanInput input) => macFile.Has(link.Name, link.Mac)
        || rtnl.ListAddresses(is6: false, link.Index).Exists(address => IsVteps(address.Prefix, input))
        || rtnl.ListAddresses(is6: true, link.Index).Exists(address => IsVteps(address.Prefix, input));

    private static bool IsVteps(IpPrefix address, PlanInput input) =>
        address.Length == address.Address.BitLength && input.NetworkOf(address.Is6).Contains(address.Address);
}

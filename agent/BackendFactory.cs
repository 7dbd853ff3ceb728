using System.Text.Json;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Alloc;
using FlannelCni.Agent.Backends.HostGw;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent;

/// <summary>The backend that net-conf.json names.</summary>
internal static class BackendFactory
{
    private const string Supported =
        $"{VxlanBackend.TypeName}, {HostGwBackend.TypeName}, {AllocBackend.ConfigName}";

    /// <param name="node">Has what this node's agent published before.</param>
    /// <exception cref="AgentFatalException">There is no such backend, or its part of the config is wrong.</exception>
    internal static IBackend Create(
        NetworkConfig network, NodeFacts node, string stateDirectory, RtnlSocket rtnl)
    {
        try
        {
            return network.BackendType switch
            {
                VxlanBackend.TypeName => new VxlanBackend(
                    VxlanConfig.Parse(network.Backend),
                    network,
                    new VxlanMacFile(stateDirectory),
                    rtnl,
                    node.Published),
                HostGwBackend.TypeName => new HostGwBackend(network, rtnl),
                AllocBackend.ConfigName => new AllocBackend(network, rtnl),
                string other when network.Backend.ValueKind == JsonValueKind.Undefined => throw new AgentFatalException(
                    $"network config: it has no Backend, which means \"{other}\", and that is not supported; "
                    + $"supported: {Supported}"),
                string other => throw new AgentFatalException(
                    $"network config: Backend.Type \"{other}\" is not supported; supported: {Supported}"),
            };
        }
        catch (FormatException e)
        {
            throw new AgentFatalException($"network config: {e.Message}", e);
        }
    }

    /// <summary>What must be kept right or cleared away whatever the backend is.</summary>
    /// <param name="hasBlackhole">This node's subnet has a blackhole route below its pods' routes.</param>
    internal static IReadOnlyList<ITable> CreateHousekeeping(
        IBackend backend, NetworkConfig network, string stateDirectory, RtnlSocket rtnl, bool hasBlackhole = false)
    {
        List<ITable> tables = [];
        if (network.EnableIPv4)
        {
            tables.Add(new BridgeAddress(rtnl, is6: false));
            tables.Add(new BlackholeRoute(rtnl, is6: false, hasBlackhole));
        }

        if (network.EnableIPv6)
        {
            tables.Add(new BridgeAddress(rtnl, is6: true));
            tables.Add(new BlackholeRoute(rtnl, is6: true, hasBlackhole));
        }

        tables.Add(new VxlanLeftovers(rtnl, new VxlanMacFile(stateDirectory), backend.DeviceNames));
        return tables;
    }
}

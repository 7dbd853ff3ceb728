using System.Text.Json;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Backends.Vxlan;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent;

/// <summary>The backend that net-conf.json names.</summary>
internal static class BackendFactory
{
    /// <exception cref="AgentFatalException">There is no such backend, or its part of the config is wrong.</exception>
    internal static IBackend Create(NetworkConfig network, string stateDirectory, RtnlSocket rtnl)
    {
        try
        {
            return network.BackendType switch
            {
                VxlanBackend.TypeName => new VxlanBackend(
                    VxlanConfig.Parse(network.Backend), network, new VxlanMacFile(stateDirectory), rtnl),
                string other when network.Backend.ValueKind == JsonValueKind.Undefined => throw new AgentFatalException(
                    $"network config: it has no Backend, which means \"{other}\", and that is not supported; "
                    + $"supported: {VxlanBackend.TypeName}"),
                string other => throw new AgentFatalException(
                    $"network config: Backend.Type \"{other}\" is not supported; supported: {VxlanBackend.TypeName}"),
            };
        }
        catch (FormatException e)
        {
            throw new AgentFatalException($"network config: {e.Message}", e);
        }
    }
}

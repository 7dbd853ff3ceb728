using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Are a pod's port, and the device with its gateway's addresses, in their VLANs? Reads only.</summary>
/// <param name="host">Opened on the host.</param>
internal sealed class VlanCheck(BridgeConf conf, RtnlSocket host)
{
    /// <summary>Of the pod's port.</summary>
    /// <exception cref="CniException">Internal: what is not as ADD left it.</exception>
    internal void RunOnPort(Link port) => Require(conf.Vlans, port);

    /// <summary>Of the VLAN's gateway, where there is one.</summary>
    /// <inheritdoc cref="RunOnPort" path="/exception"/>
    internal void RunOnGateway(Link bridge)
    {
        if (conf.Vlans.Access == 0 || !conf.IsGateway || conf.IpamType.Length == 0)
        {
            return;
        }

        string name = conf.GatewayDevice;
        Link gateway = host.FindLink(name) ?? throw PodCheck.Wrong($"the VLAN's gateway {name} is gone");
        if (gateway.Kind != "veth" || host.FindLink(gateway.ParentIndex) is not Link port
            || port.ParentIndex != gateway.Index || port.MasterIndex != bridge.Index)
        {
            throw PodCheck.Wrong($"the VLAN's gateway {name} does not lead to bridge {conf.Bridge}");
        }

        PodCheck.Require(gateway.IsUp && port.IsUp, $"the VLAN's gateway {name} is down");
        Require(conf.Vlans with { Trunk = [] }, port);
    }

    private void Require(PortVlans wanted, Link port)
    {
        string? fault = wanted.FindFault(host.ListBridgeVlans(port.Index));
        PodCheck.Require(fault is null, $"{port.Name} {fault}");
    }
}

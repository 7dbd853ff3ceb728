// The bridge itself stays out of the VLANs. What is the host's in one of them is an end of a veth pair, whose other end
// is a port like a pod's.

using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>
/// The device <c>BRIDGE.VLAN</c>, which has the gateway addresses of a VLAN's pods. As the bridge it is all pods', and
/// nobody deletes it.
/// </summary>
/// <param name="socket">Opened on the host.</param>
/// <param name="host">The host's namespace.</param>
internal sealed class VlanGateway(RtnlSocket socket, NetNamespace host, BridgeConf conf)
{
    /// <summary>Makes it if there is none. One that was left half made is completed.</summary>
    /// <exception cref="CniException">Internal: something else has its name, or the kernel refused.</exception>
    internal Link Ensure(Link bridge)
    {
        string name = conf.GatewayDevice;
        try
        {
            Link gateway = socket.FindLink(name) ?? Add(name, bridge);
            if (gateway.Kind != "veth" || socket.FindLink(gateway.ParentIndex) is not Link port
                || port.ParentIndex != gateway.Index || port.MasterIndex != bridge.Index)
            {
                throw Refused($"\"{name}\" already exists but does not lead to bridge \"{conf.Bridge}\"");
            }

            (conf.Vlans with { Trunk = [] }).Apply(socket, port.Index);
            if (!gateway.IsUp)
            {
                socket.SetUp(gateway.Index);
            }

            return gateway;
        }
        catch (NetlinkException e)
        {
            throw Refused(e.Message);
        }
    }

    private Link Add(string name, Link bridge)
    {
        string portName = RandomLink.VethName();
        try
        {
            socket.AddVeth(new VethSpec(
                portName, RandomLink.Mac(), bridge.Index, name, RandomLink.Mac(), host, bridge.Mtu));
            OptionalSysctl.Write($"net/ipv6/conf/{portName}/accept_ra", "0");
        }
        catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
        {
            // Another ADD was faster.
        }

        return socket.FindLink(name) ?? throw Refused($"\"{name}\" has vanished");
    }

    private static CniException Refused(string because) =>
        new(CniErrorCode.Internal, $"failed to create vlan interface: {because}");
}

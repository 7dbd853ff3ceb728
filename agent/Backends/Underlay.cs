using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>The network that carries the nodes' traffic to each other, as this node is attached to it.</summary>
/// <param name="Name">Of the external interface: <c>eth0</c>.</param>
/// <param name="Index">Its ifindex now; another one after it was made anew.</param>
/// <param name="Mtu">Its MTU, bytes.</param>
/// <param name="Address">The interface's own IPv4 address, the source of tunnels; none: it has none.</param>
/// <param name="AddressV6">Its IPv6 twin.</param>
/// <param name="PublicIP">Where peers reach this node by IPv4, which behind NAT is not on the interface.</param>
/// <param name="PublicIPv6">Its IPv6 twin.</param>
internal sealed record Underlay(
    string Name, int Index, uint Mtu, IpAddr Address, IpAddr AddressV6, IpAddr PublicIP, IpAddr PublicIPv6);

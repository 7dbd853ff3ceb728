using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>How a node is reached: what it publishes beside its subnet. Compared by value to see a change.</summary>
/// <param name="PublicIP">None on an IPv6-only node.</param>
/// <param name="PublicIPv6">None on an IPv4-only node.</param>
/// <param name="BackendType">As published: <c>vxlan</c>; empty for backends that publish none.</param>
/// <param name="BackendData">The backend's own JSON for IPv4, compact; null where there is none.</param>
/// <param name="BackendV6Data">Its twin for IPv6.</param>
internal sealed record LeaseAttributes(
    IpAddr PublicIP, IpAddr PublicIPv6, string BackendType, string? BackendData, string? BackendV6Data)
{
    /// <summary>Were both published by one node? Its address tells, IPv4's where it has one.</summary>
    public bool IsOfNode(LeaseAttributes node) =>
        node.PublicIP.IsNone ? PublicIP.IsNone && PublicIPv6 == node.PublicIPv6 : PublicIP == node.PublicIP;
}

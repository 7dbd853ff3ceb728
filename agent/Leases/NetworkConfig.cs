using System.Text.Json;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases;

/// <summary>net-conf.json, read and checked: the cluster's networks and the backend's own part.</summary>
/// <param name="Network">None where IPv4 is off.</param>
/// <param name="IPv6Network">None where IPv6 is off.</param>
/// <param name="BackendType">Lower case: <c>vxlan</c>.</param>
/// <param name="Backend">The <c>Backend</c> object, for the backend to read; undefined where there is none.</param>
internal sealed record NetworkConfig(
    IpPrefix Network, IpPrefix IPv6Network, bool EnableNFTables, string BackendType, JsonElement Backend)
{
    public bool EnableIPv4 => !Network.IsNone;

    public bool EnableIPv6 => !IPv6Network.IsNone;
}

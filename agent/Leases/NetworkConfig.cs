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

    /// <summary>
    /// SubnetLen, SubnetMin and SubnetMax as written. Only a datastore that cuts subnets itself checks them.
    /// </summary>
    public SubnetSettings Subnets { get; init; }

    /// <summary>IPv6SubnetLen, IPv6SubnetMin and IPv6SubnetMax as written.</summary>
    public SubnetSettings IPv6Subnets { get; init; }

    /// <summary>Do both differ at most in how the networks are cut?</summary>
    public bool IsSameButForSubnets(NetworkConfig other) =>
        Network == other.Network && IPv6Network == other.IPv6Network && EnableNFTables == other.EnableNFTables
        && BackendType == other.BackendType && Backend.ValueKind == other.Backend.ValueKind
        && (Backend.ValueKind == JsonValueKind.Undefined || JsonElement.DeepEquals(Backend, other.Backend));
}

/// <summary>How one family's network shall be cut into subnets, unchecked.</summary>
/// <param name="Length">Prefix length of a subnet; null: derived from the network.</param>
/// <param name="Min">Base of the first subnet to lease; none: derived.</param>
/// <param name="Max">Base of the last one; none: derived.</param>
internal readonly record struct SubnetSettings(uint? Length, IpAddr Min, IpAddr Max);

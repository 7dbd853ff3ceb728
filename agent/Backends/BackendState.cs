using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>What a backend's devices are now, and what follows from it for others.</summary>
/// <param name="Attributes">To be published.</param>
/// <param name="Mtu">For the pods, bytes.</param>
/// <param name="Devices">The backend's own devices; empty where it uses the underlay's.</param>
internal sealed record BackendState(LeaseAttributes Attributes, uint Mtu, EquatableArray<DeviceFacts> Devices)
{
    /// <summary>Who is reached without a router; empty for backends that do not ask.</summary>
    public OnLinkNetworks OnLink { get; init; } = OnLinkNetworks.None;

    /// <summary>May the backend's routes go through nexthop objects?</summary>
    public NexthopObjects Nexthops { get; init; }

    /// <summary>The backend's device of a family as far as it is known; null: it has none.</summary>
    public DeviceFacts? Facts(bool is6)
    {
        foreach (DeviceFacts device in Devices)
        {
            if (device.Is6 == is6)
            {
                return device;
            }
        }

        return null;
    }

    /// <summary>The backend's device of a family; null: it has none, or cannot have it now.</summary>
    public DeviceFacts? Device(bool is6) => Facts(is6) is { Index: not 0 } device ? device : null;
}

/// <summary>What is known of nexthop objects, which many routes on one device need to be fast.</summary>
internal enum NexthopObjects
{
    /// <summary>The backend has no such device, or the kernel no such objects.</summary>
    Never,

    /// <summary>They can be had.</summary>
    Possible,

    /// <summary>An earlier process of this node used them.</summary>
    Found,
}

/// <summary>A device of the backend.</summary>
/// <param name="Is6">The family it carries.</param>
/// <param name="Index">ifindex; another one after it was made anew; 0: it cannot be had for now.</param>
internal sealed record DeviceFacts(bool Is6, string Name, int Index, MacAddress Mac);

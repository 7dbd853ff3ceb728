using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>What a backend's devices are now, and what follows from it for others.</summary>
/// <param name="Attributes">To be published.</param>
/// <param name="Mtu">For the pods, bytes.</param>
/// <param name="Devices">The backend's own devices; empty where it uses the underlay's.</param>
/// <param name="Repairs">What this look at the devices had to mend, in words; empty: all was right.</param>
internal sealed record BackendState(
    LeaseAttributes Attributes, uint Mtu, ImmutableArray<DeviceFacts> Devices, ImmutableArray<string> Repairs)
{
    /// <summary>Who is reached without a router; empty for backends that do not ask.</summary>
    public OnLinkNetworks OnLink { get; init; } = OnLinkNetworks.None;

    /// <summary>The backend's device of a family; null: it has none.</summary>
    public DeviceFacts? Device(bool is6)
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
}

/// <summary>A device of the backend.</summary>
/// <param name="Is6">The family it carries.</param>
/// <param name="Index">ifindex; another one after it was made anew.</param>
internal sealed record DeviceFacts(bool Is6, string Name, int Index, MacAddress Mac);

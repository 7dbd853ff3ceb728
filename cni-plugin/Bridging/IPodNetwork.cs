using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The links, addresses and routes of one attachment.</summary>
internal interface IPodNetwork
{
    /// <summary>Before anything is touched: an interface of that name would be another attachment's.</summary>
    /// <exception cref="CniException">Internal: the pod has one, or its namespace cannot be opened.</exception>
    void RequireFreeName();

    /// <summary>The bridge, and a veth pair between it and the pod. When it fails there is no pair.</summary>
    void Connect();

    /// <summary>All that can be done to the pair without knowing the addresses.</summary>
    /// <returns>The pair.</returns>
    VethPair Prepare();

    /// <summary>Addresses, routes, gateway; then waits until packets can pass.</summary>
    /// <param name="plan">Null: no addresses, a pure layer 2.</param>
    /// <returns>Bridge, host end, pod end; the device of the bridge's VLAN, if there is one.</returns>
    IReadOnlyList<CniInterface> Configure(BridgePlan? plan);

    /// <summary>Deletes the pair. There being none, or no namespace, is as good.</summary>
    /// <param name="whenGone">Called as soon as it is out of use, before the kernel is done with it.</param>
    void Disconnect(Action? whenGone = null);
}

/// <summary>What rules must know of a pair.</summary>
/// <param name="Port">Name of the end on the host.</param>
/// <param name="PodMac">Of the end in the pod.</param>
internal readonly record struct VethPair(string Port, MacAddress PodMac);

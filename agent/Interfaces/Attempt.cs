using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Interfaces;

/// <summary>One way to find the interface, and what it found.</summary>
/// <param name="Link">Null: nothing, for which <see cref="Failure"/> has the reason.</param>
internal sealed record Attempt(Link? Link, string Reason)
{
    /// <summary>The address it was found by; none: any will do.</summary>
    public IpAddr Address { get; init; }

    /// <summary>Its IPv6 twin.</summary>
    public IpAddr AddressV6 { get; init; }

    public string? Failure { get; init; }

    internal static Attempt Failed(string failure) => new(null, "") { Failure = failure };

    /// <summary>Found by this address, of either family; none changes nothing.</summary>
    internal Attempt With(IpAddr address) =>
        address.IsNone ? this
        : address.Is6 ? this with { AddressV6 = address }
        : this with { Address = address };
}

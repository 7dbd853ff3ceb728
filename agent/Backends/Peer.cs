using System.Diagnostics.CodeAnalysis;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends;

/// <summary>Which family of whose lease.</summary>
internal readonly record struct PeerKey(string Lease, bool Is6);

/// <summary>One family of another node's lease, read and found sane. Its subnet and MAC are its alone.</summary>
/// <param name="Seniority">Of the lease: the older one keeps what two claim.</param>
/// <param name="Subnet">Host bits cleared.</param>
/// <param name="PublicIP">Where the node is reached, of <paramref name="TunnelMac"/>'s VTEP too.</param>
/// <param name="TunnelMac">Zero for backends without one.</param>
internal sealed record Peer(
    PeerKey Key, Seniority Seniority, IpPrefix Subnet, IpAddr PublicIP, MacAddress TunnelMac);

/// <summary>A peer; or why there is none; or neither, where the lease has no such family.</summary>
internal readonly record struct PeerReading
{
    private PeerReading(Peer? peer, Refusal? refusal)
    {
        Peer = peer;
        Refusal = refusal;
    }

    public static PeerReading None => default;

    public Peer? Peer { get; }

    public Refusal? Refusal { get; }

    public static PeerReading Of(Peer peer) => new(peer, null);

    public static PeerReading Refused(Refusal reason) => new(null, reason);

    public bool TryGet([NotNullWhen(true)] out Peer? peer)
    {
        peer = Peer;
        return peer is not null;
    }
}

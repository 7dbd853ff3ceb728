using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// Which other nodes claim what this one has: its pod CIDR, which the cluster gave twice, or its public address, which
/// two nodes chose behind the same NAT. Both sides say so. One owner.
/// </summary>
internal sealed partial class NodeConflicts(AnnotationNames names, NodeEvents events, ILogger logger)
{
    private readonly Dictionary<string, (string Reason, string Message)> _found = new(StringComparer.Ordinal);
    private Lease? _own;

    /// <param name="own">As published, addresses that users put in its place included.</param>
    /// <param name="changed">Names of peers to look at; null: all.</param>
    internal void Update(Lease own, LeaseTable peers, IReadOnlyCollection<string>? changed)
    {
        IEnumerable<string> touched = changed is null || own != _own
            ? [.. peers.ByKey.Keys.Union(_found.Keys, StringComparer.Ordinal)]
            : changed;
        _own = own;
        foreach (string name in touched)
        {
            (string Reason, string Message)? conflict =
                peers.ByKey.TryGetValue(name, out Lease? peer) ? Find(own, peer) : null;
            if (conflict is { } found)
            {
                Say(own.Key, name, found);
            }
            else if (_found.Remove(name))
            {
                Log.Over(logger, own.Key, name);
            }
        }
    }

    private void Say(string own, string other, (string Reason, string Message) found)
    {
        if (!_found.TryGetValue(other, out (string Reason, string Message) said) || said != found)
        {
            _found[other] = found;
            Log.Found(logger, found.Message);
            events.Post(own, found.Reason, found.Message);
        }
    }

    private (string Reason, string Message)? Find(Lease own, Lease peer)
    {
        SubnetPair ours = new(own.Subnet, own.IPv6Subnet);
        SubnetPair theirs = new(peer.Subnet, peer.IPv6Subnet);
        if (ours.Overlaps(theirs))
        {
            string senior = own.Seniority < peer.Seniority ? own.Key : peer.Key;
            return (
                "OverlappingPodCIDR",
                $"nodes {own.Key} and {peer.Key} have overlapping pod CIDRs, {ours} and {theirs}: other nodes send to "
                + $"{senior}, the older one; delete the younger Node, and have it join again with a range of its own");
        }

        IpAddr shared = Shared(own.Attributes.PublicIP, peer.Attributes.PublicIP)
            ?? Shared(own.Attributes.PublicIPv6, peer.Attributes.PublicIPv6)
            ?? default;
        return shared.IsNone
            ? null
            : (
                "DuplicatePublicIP",
                $"nodes {own.Key} and {peer.Key} both publish the public IP {shared}, by which only one of them can be "
                + $"reached: choose another interface by --iface, or say its address in {names.PublicIPOverwrite}");
    }

    private static IpAddr? Shared(IpAddr left, IpAddr right) => !left.IsNone && left == right ? left : null;

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Conflict}")]
        internal static partial void Found(ILogger logger, string conflict);

        [LoggerMessage(LogLevel.Information, "Nodes {Own} and {Other} no longer claim the same")]
        internal static partial void Over(ILogger logger, string own, string other);
    }
}

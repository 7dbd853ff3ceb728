using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>All Nodes as the API told them, and the leases they have, this node's left out. One owner.</summary>
/// <remarks>
/// What cannot be read is said once and changes nothing. Annotations that vanish from a Node that is still the same
/// count as they were: other controllers are known to strip them, and its pods are reached as before. A Node leaves
/// when it is deleted, or with <c>kube-subnet-manager</c> other than <c>true</c>.
/// </remarks>
internal sealed partial class NodeBook(string own, NetworkConfig network, AnnotationNames names, ILogger logger)
{
    private readonly Dictionary<string, string> _said = new(StringComparer.Ordinal);    // what was said of a Node

    internal LeaseTable Peers { get; private set; } = LeaseTable.Empty;

    /// <summary>What the leases of <see cref="Peers"/> were made from.</summary>
    internal ImmutableDictionary<string, NodeRecord> Nodes { get; private set; } =
        ImmutableDictionary.Create<string, NodeRecord>(StringComparer.Ordinal);

    /// <summary>Enters what the API says now.</summary>
    /// <returns>Names of the peers added, changed or removed.</returns>
    internal HashSet<string> Apply(NodeSnapshot snapshot)
    {
        HashSet<string> changed = new(StringComparer.Ordinal);
        IEnumerable<string> touched = snapshot.Changed
            ?? [.. snapshot.Nodes.Keys.Union(Nodes.Keys, StringComparer.Ordinal)];
        foreach (string name in touched)
        {
            if (name != own && Enter(name, snapshot.Nodes.GetValueOrDefault(name)))
            {
                changed.Add(name);
            }
        }

        return changed;
    }

    private bool Enter(string name, NodeRecord? node)
    {
        Lease? before = Peers.ByKey.GetValueOrDefault(name);
        if (node is null)
        {
            _said.Remove(name);
            return Remove(name);
        }

        NodeRecord last = Nodes.GetValueOrDefault(name, node);
        NodeRecord counted = WithVanished(node, last);
        if (NodeLease.TryRead(counted, network, names, out Lease? lease, out string? reason))
        {
            Say(name, ReferenceEquals(counted, node) ? null : WhyKept(node));
            Nodes = Nodes.SetItem(name, counted);
            Peers = lease == before ? Peers : Peers.With(lease);
            return lease != before;
        }

        if (reason is not null)
        {
            Say(name, $"{reason}{(before is null ? "" : "; its lease stays as it was")}");
            return !IsSame(node, last) && Remove(name);
        }

        _said.Remove(name);
        return Remove(name);
    }

    private bool Remove(string name)
    {
        Nodes = Nodes.Remove(name);
        LeaseTable before = Peers;
        Peers = Peers.Without(name);
        return Peers.Count != before.Count;
    }

    /// <summary>Has it lived since, with the pod CIDRs it had?</summary>
    private static bool IsSame(NodeRecord node, NodeRecord last) =>
        node.Uid == last.Uid && node.PodCidrs.AsSpan().SequenceEqual(last.PodCidrs.AsSpan());

    private static NodeRecord WithVanished(NodeRecord node, NodeRecord last)
    {
        if (ReferenceEquals(node, last) || !IsSame(node, last))
        {
            return node;
        }

        (NodeAnnotations now, NodeAnnotations was) = (node.Annotations, last.Annotations);
        NodeAnnotations counted = now with
        {
            KubeSubnetManager = now.KubeSubnetManager ?? was.KubeSubnetManager,
            BackendType = now.BackendType ?? was.BackendType,
            BackendData = now.BackendData ?? was.BackendData,
            BackendV6Data = now.BackendV6Data ?? was.BackendV6Data,
            PublicIP = now.PublicIP ?? was.PublicIP,
            PublicIPv6 = now.PublicIPv6 ?? was.PublicIPv6,
        };
        return counted == now ? node : node with { Annotations = counted };
    }

    private string WhyKept(NodeRecord node) => node.Annotations.KubeSubnetManager is null
        ? $"{names.KubeSubnetManager} has vanished; its lease stays until the Node is deleted"
        : "annotations have vanished; they count as they were until the Node is deleted";

    private void Say(string name, string? what)
    {
        if (what is null)
        {
            _said.Remove(name);
        }
        else if (_said.GetValueOrDefault(name) != what)
        {
            _said[name] = what;
            Log.Noted(logger, name, what);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Node {Name}: {What}")]
        internal static partial void Noted(ILogger logger, string name, string what);
    }
}

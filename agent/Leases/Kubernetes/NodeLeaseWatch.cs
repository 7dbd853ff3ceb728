using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>Everybody's leases as the Nodes change, and what that means for this node's own. One reader.</summary>
/// <param name="own">This node as it was read last.</param>
/// <param name="source">All Nodes; the first snapshot is complete.</param>
/// <param name="findKept">What is known without the API, tried where that takes its time; null: nothing.</param>
internal sealed class NodeLeaseWatch(
    NodeRecord own,
    OwnNodeKeeper keeper,
    NodeBook book,
    NodeConflicts conflicts,
    NodeStateSaver saver,
    Func<CancellationToken, IAsyncEnumerable<NodeSnapshot>> source,
    Func<Task, CancellationToken, Task<ImmutableDictionary<string, NodeRecord>?>> findKept)
{
    private NodeRecord _own = own;
    private NodeFacts _facts = NodeFactsReader.Read(own, NodeFacts.Unknown);

    /// <summary>As <see cref="ISubnetManager.WatchAsync"/>.</summary>
    internal async IAsyncEnumerable<LeaseSnapshot> RunAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IAsyncEnumerator<NodeSnapshot> nodes = source(ended.Token).GetAsyncEnumerator(ended.Token);
        Task<bool> next = nodes.MoveNextAsync().AsTask();
        try
        {
            if (await findKept(next, cancellationToken) is { } kept)
            {
                book.Apply(new NodeSnapshot(kept, Changed: null));
                yield return Compose(keeper.Held, changed: null) with { IsComplete = false };
            }

            if (!await next)
            {
                yield break;
            }

            Enter(nodes.Current);
            next = nodes.MoveNextAsync().AsTask();
            HeldLease held = keeper.Held;
            LeaseSnapshot said = Say(held, changed: null);
            yield return said;
            while (true)
            {
                await Task.WhenAny(next, held.Replaced);
                HashSet<string> changed = [];
                if (next.IsCompleted)
                {
                    if (!await next)
                    {
                        yield break;
                    }

                    changed = Enter(nodes.Current);
                    next = nodes.MoveNextAsync().AsTask();
                }

                held = keeper.Held;
                LeaseSnapshot now = Say(held, changed);
                if (changed.Count > 0 || now.Own != said.Own || !now.Node.HasAddressesOf(said.Node))
                {
                    said = now;
                    yield return now;
                }
            }
        }
        finally
        {
            await ended.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await nodes.DisposeAsync();
        }
    }

    /// <returns>Names of the peers added, changed or removed.</returns>
    private HashSet<string> Enter(NodeSnapshot snapshot)
    {
        HashSet<string> changed = book.Apply(snapshot);
        bool isAboutOwn = snapshot.Changed is null || snapshot.Changed.Contains(_own.Name);
        if (isAboutOwn)
        {
            NodeRecord? now = snapshot.Nodes.GetValueOrDefault(_own.Name);
            _own = now ?? _own;
            _facts = NodeFactsReader.Read(_own, _facts);
            keeper.See(now);
        }

        if (isAboutOwn || changed.Count > 0)
        {
            saver.Post(_own, book.Nodes);
        }

        return changed;
    }

    private LeaseSnapshot Say(HeldLease held, HashSet<string>? changed)
    {
        conflicts.Update(Published(held.Lease), book.Peers, changed);
        return Compose(held, changed);
    }

    private LeaseSnapshot Compose(HeldLease held, HashSet<string>? changed) =>
        new(held.Lease, book.Peers, changed) { Node = _facts };

    /// <summary>With the addresses that peers are told.</summary>
    private Lease Published(Lease lease)
    {
        IpAddr publicIP = LeaseAnnotations.ReadUsersAddress(_own.Annotations.PublicIPOverwrite, is6: false);
        IpAddr publicIPv6 = LeaseAnnotations.ReadUsersAddress(_own.Annotations.PublicIPv6Overwrite, is6: true);
        LeaseAttributes attributes = lease.Attributes;
        return lease with
        {
            Attributes = attributes with
            {
                PublicIP = publicIP.IsNone ? attributes.PublicIP : publicIP,
                PublicIPv6 = publicIPv6.IsNone ? attributes.PublicIPv6 : publicIPv6,
            },
        };
    }
}

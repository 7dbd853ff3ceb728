using System.Collections.Immutable;
using System.Threading.Channels;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>Keeps the state file as the Nodes are, in a loop of its own: a slow disk delays no route.</summary>
internal sealed class NodeStateSaver(NodeStateFile file, TimeProvider time)
{
    // In a cluster where nodes come and go: what a disk, and a boot without the API, can do with.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    // The newest counts. Never completed.
    private readonly Channel<(NodeRecord Own, ImmutableDictionary<string, NodeRecord> Others)> _unsaved =
        Channel.CreateBounded<(NodeRecord, ImmutableDictionary<string, NodeRecord>)>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>They are others now. Returns at once.</summary>
    internal void Post(NodeRecord own, ImmutableDictionary<string, NodeRecord> others) =>
        _unsaved.Writer.TryWrite((own, others));

    /// <summary>Ends only with the token.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach ((NodeRecord own, ImmutableDictionary<string, NodeRecord> others)
            in _unsaved.Reader.ReadAllAsync(cancellationToken))
        {
            file.Write(own.Name, others.Values.Prepend(own));
            await Task.Delay(s_interval, time, cancellationToken);
        }
    }
}

using System.Threading.Channels;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>
/// Where the latest snapshot waits for its reader. A newer one takes the place of one not read yet, and the names that
/// changed add up: no queue, whatever the reader does. One writer, one reader.
/// </summary>
internal sealed class LatestNodes
{
    private readonly Lock _lock = new();
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private NodeSnapshot? _latest;

    internal void Post(NodeSnapshot snapshot)
    {
        lock (_lock)
        {
            _latest = _latest is null ? snapshot
                : _latest.Changed is null || snapshot.Changed is null ? snapshot with { Changed = null }
                : snapshot with { Changed = _latest.Changed.Union(snapshot.Changed).ToHashSet(StringComparer.Ordinal) };
        }

        _ = _bell.Writer.TryWrite(true);
    }

    /// <summary>There will be none any more; the reader gets the reason.</summary>
    internal void Complete(Exception reason) => _bell.Writer.TryComplete(reason);

    /// <summary>Waits for one that was not read.</summary>
    /// <exception cref="Exception">The reason of <see cref="Complete"/>.</exception>
    internal async Task<NodeSnapshot> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Unlike ReadAsync it throws the reason itself.
            _ = await _bell.Reader.WaitToReadAsync(cancellationToken);
            _ = _bell.Reader.TryRead(out _);
            lock (_lock)
            {
                if (_latest is { } latest)
                {
                    _latest = null;
                    return latest;
                }
            }
        }
    }
}

using System.Threading.Channels;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// What has happened since the reconciler last looked: many causes, one run. It cannot fill: of leases the newest state
/// counts, and too many notifications become a full run.
/// </summary>
internal sealed class Inbox
{
    // Of 360 bytes each. Above it everything is read, which in a cluster of so many peers costs less than this memory.
    private const int MaxEvents = 1024;

    private readonly Lock _lock = new();
    private readonly Channel<bool> _bell =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private Work _work = Work.Nothing;
    private List<RtnlEvent> _events = [];
    private HashSet<string>? _changedLeases = [];    // null: all

    /// <summary>Everybody's leases, as the datastore says them now.</summary>
    public void Post(LeaseSnapshot snapshot)
    {
        lock (_lock)
        {
            _work = _work with { Snapshot = snapshot };
            if (snapshot.Changed is null)
            {
                _changedLeases = null;
            }
            else
            {
                _changedLeases?.UnionWith(snapshot.Changed);
            }
        }

        Ring();
    }

    /// <summary>Posts each snapshot as it comes. Ends only with the token.</summary>
    /// <param name="onSnapshot">Called with each before.</param>
    public async Task FollowAsync(
        ISubnetManager manager, Action<LeaseSnapshot> onSnapshot, CancellationToken cancellationToken)
    {
        await foreach (LeaseSnapshot snapshot in manager.WatchAsync(cancellationToken))
        {
            onSnapshot(snapshot);
            Post(snapshot);
        }
    }

    /// <summary>Changes to the kernel.</summary>
    public void Post(IReadOnlyCollection<RtnlEvent> events)
    {
        lock (_lock)
        {
            if (_work.IsFull)
            {
                return;    // that run reads everything, and the bell has rung
            }

            if (_events.Count + events.Count <= MaxEvents)
            {
                _events.AddRange(events);
            }
            else
            {
                _events = [];
                _work = _work with { IsFull = true };
            }
        }

        Ring();
    }

    /// <summary>Look at everything: notifications were lost, or it is time to.</summary>
    public void PostFull()
    {
        lock (_lock)
        {
            _events = [];
            _work = _work with { IsFull = true };
        }

        Ring();
    }

    /// <summary>Waits for the next cause.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken) =>
        await _bell.Reader.ReadAsync(cancellationToken);

    /// <summary>All that is waiting.</summary>
    public Work Take()
    {
        lock (_lock)
        {
            Work work = _work with { Events = _events, ChangedLeases = _changedLeases };
            _work = Work.Nothing;
            _events = [];
            _changedLeases = [];
            return work;
        }
    }

    private void Ring() => _bell.Writer.TryWrite(true);
}

/// <summary>Why the reconciler runs, which decides how much it looks at.</summary>
/// <param name="Snapshot">The newest; null: no news of the datastore.</param>
/// <param name="ChangedLeases">Since the last one taken; null: compare all.</param>
/// <param name="Events">In their order.</param>
/// <param name="IsFull">Look at everything.</param>
internal sealed record Work(
    LeaseSnapshot? Snapshot, IReadOnlyCollection<string>? ChangedLeases, IReadOnlyList<RtnlEvent> Events, bool IsFull)
{
    public static Work Nothing { get; } = new(null, [], [], false);
}

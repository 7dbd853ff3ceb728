using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Backends;

/// <summary>
/// Entries of one kind that a backend wants: it knows what is wanted, what is there, and makes them equal.
/// </summary>
internal interface ITable
{
    /// <summary>For log and metrics: <c>route</c>.</summary>
    string Kind { get; }

    /// <summary>
    /// Works out what must change. Nothing is written yet: upserts of all tables go before any deletion.
    /// </summary>
    ValueTask CompareAsync(PlanInput input, SyncScope scope, CancellationToken cancellationToken);

    /// <summary>Adds what is missing and replaces what differs.</summary>
    ValueTask<TableResult> UpsertAsync(CancellationToken cancellationToken);

    /// <summary>Removes what is ours and no longer wanted.</summary>
    ValueTask<TableResult> DeleteAsync(CancellationToken cancellationToken);
}

/// <summary>How much a run looks at; never what is right.</summary>
/// <param name="Peers">All that are admitted.</param>
/// <param name="IsFull">Read everything and compare. Else only what the other two name is touched, unread.</param>
/// <param name="ChangedPeers">Peers added, changed or removed since the last run.</param>
/// <param name="Events">Changes that others made to the kernel.</param>
internal sealed record SyncScope(
    IReadOnlyDictionary<PeerKey, Peer> Peers,
    bool IsFull,
    IReadOnlyCollection<PeerKey> ChangedPeers,
    IReadOnlyList<RtnlEvent> Events);

/// <summary>What a table did.</summary>
/// <param name="Changed">Entries written or deleted.</param>
/// <param name="Drifted">Those of them that nobody's lease had changed: somebody else had.</param>
/// <param name="Failures">One line an entry that the kernel refused.</param>
internal sealed record TableResult(int Changed, IReadOnlyList<string> Drifted, IReadOnlyList<string> Failures)
{
    public static TableResult Nothing { get; } = new(0, [], []);

    /// <summary>One line each for what somebody should know, said once.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>One line each for what somebody should look at, said once.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

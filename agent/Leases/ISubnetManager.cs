using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases;

/// <summary>The datastore's side of the agent: its own lease, and everybody else's.</summary>
internal interface ISubnetManager : IAsyncDisposable
{
    /// <summary>
    /// The cluster's network config. Waits for a datastore or a config that is not there yet, or that is not for this
    /// node, saying so.
    /// </summary>
    /// <exception cref="AgentFatalException">
    /// It can never be had: a wrong password, a file that is no config, nobody said which node this is.
    /// </exception>
    Task<NetworkConfig> ReadNetworkConfigAsync(CancellationToken cancellationToken);

    /// <summary>What the datastore knew of this node when the config was read, before it has a lease.</summary>
    NodeFacts Node { get; }

    /// <summary>
    /// Takes this node's subnet, the previous one where possible, and publishes how the node is reached.
    /// </summary>
    Task<Lease> AcquireAsync(NetworkConfig network, LeaseAttributes attributes, CancellationToken cancellationToken);

    /// <summary>Publishes changed attributes under the lease held. Returns when the datastore has them.</summary>
    Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken);

    /// <summary>Pods of this node have their network now: who waits for that is told. Returns at once.</summary>
    void SetUp();

    /// <summary>Keeps the own lease: renews it, and takes it back when it is lost. Ends only with the token.</summary>
    Task KeepAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Everybody's leases, as often as they change. The first snapshot but for incomplete ones has every lease of the
    /// datastore.
    /// Faults of the datastore are waited out inside; the last good table stays valid meanwhile. Ends only with the
    /// token.
    /// </summary>
    IAsyncEnumerable<LeaseSnapshot> WatchAsync(CancellationToken cancellationToken);
}

/// <summary>What the datastore says at one moment.</summary>
/// <param name="Own">This node's lease; a new value when its subnet had to change.</param>
/// <param name="Peers">All others.</param>
/// <param name="Changed">
/// Keys of <paramref name="Peers"/> added, changed or removed since the last snapshot; null: compare all.
/// </param>
internal sealed record LeaseSnapshot(Lease Own, LeaseTable Peers, IReadOnlyCollection<string>? Changed)
{
    /// <summary>
    /// False: the datastore could not be asked, and these are the leases last known. Others may have come since, of
    /// which nothing must be removed.
    /// </summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>What the datastore says of this node beside its lease.</summary>
    public NodeFacts Node { get; init; } = NodeFacts.Unknown;
}

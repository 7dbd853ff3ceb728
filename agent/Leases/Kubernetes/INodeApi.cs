namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>What the agent asks of the Kubernetes API: Nodes, the own Pod, Events.</summary>
/// <remarks>
/// Each call is one attempt: <see cref="KubeApiException"/> says what a caller's retry may hope for. Credentials that
/// were replaced are read again inside.
/// </remarks>
internal interface INodeApi : IAsyncDisposable
{
    /// <summary>The server's address, for messages.</summary>
    string Server { get; }

    /// <exception cref="KubeApiException">404: there is no Node of that name.</exception>
    Task<NodeRecord> GetNodeAsync(string name, CancellationToken cancellationToken);

    /// <summary>Strategic merge patch of nodes/NAME/status.</summary>
    /// <param name="patch">JSON.</param>
    /// <returns>The Node after it.</returns>
    /// <exception cref="KubeApiException">The Node is as it was; unreachable: or already patched.</exception>
    Task<NodeRecord> PatchNodeStatusAsync(
        string name, ReadOnlyMemory<byte> patch, CancellationToken cancellationToken);

    /// <summary>A Pod's <c>spec.nodeName</c>; null: it has none yet.</summary>
    /// <exception cref="KubeApiException">404: there is no such Pod.</exception>
    Task<string?> FindNodeNameOfPodAsync(string podNamespace, string podName, CancellationToken cancellationToken);

    /// <param name="event">JSON of a <c>v1.Event</c>.</param>
    /// <exception cref="KubeApiException">It was refused; unreachable: or made.</exception>
    Task CreateEventAsync(string eventNamespace, ReadOnlyMemory<byte> @event, CancellationToken cancellationToken);

    /// <summary>Makes new connections: those there are may be of an address that this node has no more.</summary>
    void Reconnect();

    /// <summary>
    /// All Nodes, as often as something changes that a <see cref="NodeRecord"/> holds. The first snapshot is complete.
    /// Faults are waited out inside and said; the last good snapshot stays valid meanwhile. A reader that is slow finds
    /// the latest state, not a queue. Ends only with the token.
    /// </summary>
    IAsyncEnumerable<NodeSnapshot> WatchNodesAsync(CancellationToken cancellationToken);
}

namespace FlannelCni.Agent.Health;

/// <summary>What the agent counts.</summary>
internal sealed class AgentMetrics
{
    private long _reconciled;
    private long _repaired;
    private long _refused;

    /// <summary>A run of the reconciler ended.</summary>
    public void Reconciled(bool isInSync, TimeSpan duration) => _reconciled += isInSync ? duration.Ticks : 0;

    /// <summary>Entries of a kind, or a device, that somebody else had changed, were put back.</summary>
    public void DriftRepaired(string kind, int count) => _repaired += kind.Length * count;

    /// <summary>A peer's lease was not let in.</summary>
    public void LeaseRefused() => _refused++;
}

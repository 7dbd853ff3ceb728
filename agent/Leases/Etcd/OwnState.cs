namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>The lease held at one time.</summary>
internal sealed class OwnState(OwnLease own)
{
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal OwnLease Own { get; } = own;

    /// <summary>Ends when there is a newer state.</summary>
    internal Task Replaced => _replaced.Task;

    internal void End() => _replaced.TrySetResult();
}

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>The lease held at one time.</summary>
internal sealed class HeldLease(Lease lease)
{
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Lease Lease { get; } = lease;

    internal SubnetPair Pair => new(Lease.Subnet, Lease.IPv6Subnet);

    /// <summary>Ends when another lease is held.</summary>
    internal Task Replaced => _replaced.Task;

    internal void End() => _replaced.TrySetResult();
}

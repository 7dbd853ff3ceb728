namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>A <c>metav1.Status</c> that reports a failure.</summary>
/// <param name="Code">HTTP's; 0: not given.</param>
/// <param name="Reason">A word; empty: not given.</param>
/// <param name="RetryAfterSeconds">0: not given.</param>
internal sealed record ApiStatus(int Code, string Reason, string Message, int RetryAfterSeconds);

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>An answer of the Kubernetes API that is no success, or no answer at all.</summary>
/// <param name="status">The HTTP status; 0: no answer was had (unreachable, timed out, TLS, malformed).</param>
/// <param name="reason">A word of <c>metav1.Status</c>: NotFound, Expired; empty: the answer had none.</param>
/// <param name="message">Names the request, the server and what it said.</param>
internal sealed class KubeApiException(
    int status, string reason, string message, TimeSpan? retryAfter = null, Exception? innerException = null)
    : Exception(message, innerException)
{
    public int Status { get; } = status;

    public string Reason { get; } = reason;

    /// <summary>How long the server asked us to wait; null: it did not.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>Was there no answer?</summary>
    public bool IsUnreachable => Status == 0;

    /// <summary>Has it no such object?</summary>
    public bool IsNotFound => Status == 404;

    /// <summary>Does it not know us? The credentials are wrong or have run out.</summary>
    public bool IsUnauthorized => Status == 401;

    /// <summary>Does it know us, and not let us?</summary>
    public bool IsForbidden => Status == 403;

    /// <summary>Is the resourceVersion or the continue token too old?</summary>
    public bool IsGone => Status == 410 || Reason is "Expired" or "Gone";

    /// <summary>May the same request do better later, without anybody doing something?</summary>
    public bool IsTransient => IsUnreachable || IsConflict || Status is 408 or 429 or >= 500;

    /// <summary>Has somebody else changed the object meanwhile?</summary>
    private bool IsConflict => Status == 409;
}

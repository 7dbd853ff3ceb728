using System.Collections.Immutable;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>Where the API server is, how it is known, and how it knows us.</summary>
/// <param name="Source">Where all this was found, for messages: <c>kubeconfig /etc/k.conf, context admin</c>.</param>
/// <param name="Server">http or https; may have a path that all requests begin with.</param>
internal sealed record KubeAccess(string Source, Uri Server, ServerTrust Trust, ICredentials Credentials)
{
    /// <summary>The proxy that a kubeconfig names; null: none.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>More headers for each request: whom a kubeconfig has us act as.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Silence on a connection after which the server is asked whether it is there.</summary>
    public TimeSpan PingDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long it has to answer that.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>To be logged at the start.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

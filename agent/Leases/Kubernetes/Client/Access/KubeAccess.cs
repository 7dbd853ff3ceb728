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

    /// <summary>After which a connection counts as lost whose other end does not acknowledge anything.</summary>
    public TimeSpan ConnectionSilence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After which a watch counts as lost: a server sends a bookmark each minute.</summary>
    public TimeSpan WatchSilence { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>To be logged at the start.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}
